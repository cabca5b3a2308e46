-- A program of pandoc's own Lua (`pandoc lua convert.lua`): reads requests in lines of JSON, and answers each in lines, too:
-- what is common to all targets once, then one target after the other; last a line with `done`, or with `error`.
local here = pandoc.path.directory(arg[0])
PANDOC_SCRIPT_FILE = pandoc.path.join {here, "filter.lua"}

-- What ends no sentence: those of pandoc's data file `abbreviations`, which its own command reads.
local abbreviations = {}
for word in ([[
  Apr. Aug. Bros. Capt. Co. Corp. Dec. Dr. Feb. Fr. Gen. Gov. Hon. Inc. Jan. Jr. Jul. Jun. Ltd. M.A. M.D. Mar. Mr. Mrs. Ms. No. Nov.
  Oct. Ph.D. Pres. Prof. Rep. Rev. Sen. Sep. Sept. Sgt. Sr. St. aet. aetat. al. bk. c. cf. ch. chap. chs. col. cp. d. e.g. ed. eds.
  esp. f. fasc. ff. fig. fl. fol. fols. i.e. ill. incl. n. n.b. nn. p. pp. pt. q.v. s.v. s.vv. saec. sec. univ. viz. vol. vs.
]]):gmatch("%S+") do abbreviations[word] = true end
local reading = pandoc.ReaderOptions {abbreviations = abbreviations, standalone = true}

local unread   -- what is wrong with the bibliography or the style: no fault of a filter
local function cited(doc)
  local well, result = pcall(pandoc.utils.citeproc, doc)
  if well then return result end
  unread = tostring(result)
  error(unread)
end

local function filtered(doc, names)
  for name in names:gmatch("%S+") do
    if name == "citeproc" then
      doc = cited(doc)
    else
      local own = setmetatable({}, {__index = _G})
      assert(loadfile(pandoc.path.join {here, name .. ".lua"}, "t", own))()
      doc = own.Pandoc(doc)
    end
  end
  return doc
end

local function read(request)
  local doc = pandoc.read(request.text, request.reader, reading)
  local about = "---\n" .. request.metadata .. "\n...\n"
  doc.meta = pandoc.read(about, request.reader .. "+yaml_metadata_block", reading).meta
  return doc
end

local function written(doc, target)
  doc = filtered(doc, target.filters)
  local options, variables = pandoc.WriterOptions(target.options), {}
  for _, known in ipairs {document.variables, target.variables} do
    for name, value in pairs(known) do variables[name] = value end
  end
  options.variables = variables
  options.template = pandoc.template.compile(target.template)
  return pandoc.write(doc, target.to, options)
end

-- What is done, with all that pandoc has to say on it.
local function told(work, ...)
  local messages, result = pandoc.log.silence(work, ...)
  local lines = {}
  for _, message in ipairs(messages) do table.insert(lines, pandoc.json.encode(message)) end
  return "[" .. table.concat(lines, ",") .. "]", result
end

local function say(line)
  io.write(line, "\n")
  io.flush()
end

local function fulfil(request)
  document = request   -- for filters: `variables` of all targets, values, places of figures
  local messages, doc = told(function() return filtered(read(request), request.filters) end)
  say(('{"messages": %s}'):format(messages))
  for _, target in ipairs(request.targets) do
    FORMAT = target.to
    local own, text = told(written, doc:clone(), target)
    say(('{"text": %s, "messages": %s}'):format(pandoc.json.encode(text), own))
  end
end

for line in io.lines() do
  unread = nil
  local well, problem = pcall(fulfil, pandoc.json.decode(line, false))
  local kind = unread and "citations" or "error"
  say(well and '{"done": true}' or ('{"%s": %s}'):format(kind, pandoc.json.encode(unread or tostring(problem))))
  document = nil
  collectgarbage()
end
