-- Finds the files of figures: beside the document, or in the folder of generated files.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})
local places = {}

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- Where the file is; blanks of its name may be written as %20.
local function find(name)
  local plain = name:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end)
  for _, place in ipairs(places) do
    for _, written in ipairs {name, plain} do
      local path = pandoc.path.normalize(pandoc.path.join {place, written})
      if exists(path) then return path end
    end
  end
end

local function image(i)
  if i.src:match("^%a+://") or i.src:match("^data:") then
    common.problem(i.src:sub(1, 60), "a figure must be a file of the project, not " .. i.src:sub(1, 60))
    return nil
  end
  local path = find(i.src)
  if not path then
    common.problem(i.src, "no such figure: " .. i.src)
    return nil
  end
  i.src = path
  return i
end

local instead = {
  img = "![Caption](path){width=50%}", sub = "~…~", sup = "^…^", b = "**…**", strong = "**…**", i = "*…*", em = "*…*",
  u = "[…]{.underline}", mark = "==…==", del = "~~…~~", s = "~~…~~", code = "`…`", a = "[…](address)", kbd = "[…]{.kbd}",
  table = "a table of Markdown", center = "the text alone", p = "a paragraph", details = "its text", hr = "***", aside = "::: notes",
}

-- What only one of the formats would show is missing in the others.
local function raw(r)
  if r.format:match("html") and r.text:gsub("<!%-%-.-%-%->", ""):match("^%s*$") then return nil end
  if r.text:match("^<br%s*/?>$") then return pandoc.LineBreak() end
  if not r.format:match("html") then
    common.problem(r.text, ("only one format would show this (%s): %s"):format(r.format, r.text:gsub("%s+", " "):sub(1, 60)))
    return nil
  end
  local name = r.text:match("^</?(%a+%d?)") or ""
  local better = instead[name:lower()] and "; write " .. instead[name:lower()] or ""
  common.problem(r.text:match("^<[/%a]+") or r.text, "the PDF cannot show this HTML: " .. r.text:gsub("%s+", " "):sub(1, 60) .. better)
end

-- Where a footnote is missing, pandoc leaves the mark in the text.
local function str(s)
  local key = s.text:match("%[%^([^%]]+)%]")
  if key then common.problem("[^" .. key .. "]", "there is no footnote [^" .. key .. "]") end
end

function Pandoc(doc)
  places = document.places
  return doc:walk {Image = image, RawInline = raw, RawBlock = raw, Str = str}
end
