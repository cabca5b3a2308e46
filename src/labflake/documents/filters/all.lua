-- Runs the filters that a document needs, one after the other in one Lua: to begin one takes longer than most of them do.
local here = pandoc.path.directory(PANDOC_SCRIPT_FILE)

local function cited(doc)
  local well, result = pcall(pandoc.utils.citeproc, doc)
  if well then return result end
  io.stderr:write(tostring(result))   -- the bibliography, or the style: no fault of a filter
  os.exit(1)
end

local function filter(name)
  if name == "citeproc" then return cited end
  local own = setmetatable({}, {__index = _G})
  assert(loadfile(pandoc.path.join {here, name .. ".lua"}, "t", own))()
  return own.Pandoc
end

function Pandoc(doc)
  for name in tostring(PANDOC_WRITER_OPTIONS.variables.filters):gmatch("%S+") do doc = filter(name)(doc) end
  return doc
end
