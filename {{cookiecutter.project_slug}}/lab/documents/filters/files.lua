-- Finds the files of figures: beside the document, or in the folder of generated files.
package.path = pandoc.path.directory(PANDOC_SCRIPT_FILE) .. "/?.lua;" .. package.path
local common = require "common"
local places = {}

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function image(i)
  if i.src:match("^%a+://") or i.src:match("^data:") then
    common.problem(i.src:sub(1, 60), "a figure must be a file of the project, not " .. i.src:sub(1, 60))
    return nil
  end
  for _, place in ipairs(places) do
    local path = pandoc.path.normalize(pandoc.path.join {place, i.src})
    if exists(path) then
      i.src = path
      return i
    end
  end
  common.problem(i.src, "no such figure: " .. i.src)
end

-- What only a browser would show is missing in the PDF.
local function raw(r)
  if not r.format:match("html") or r.text:match("^%s*<!%-%-") then return nil end
  if r.text:match("^<br%s*/?>$") then return pandoc.LineBreak() end
  common.problem(r.text:match("^<[/%a]+") or r.text, "the PDF cannot show this HTML: " .. r.text:gsub("%s+", " "):sub(1, 60))
end

-- Where a footnote is missing, pandoc leaves the mark in the text.
local function str(s)
  local key = s.text:match("%[%^([^%]]+)%]")
  if key then common.problem("[^" .. key .. "]", "there is no footnote [^" .. key .. "]") end
end

function Pandoc(doc)
  for _, place in ipairs(doc.meta.places) do places[#places + 1] = pandoc.utils.stringify(place) end
  doc.meta.places = nil
  return doc:walk {Image = image, RawInline = raw, RawBlock = raw, Str = str}
end
