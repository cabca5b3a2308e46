-- What all filters share.
local common = {}

-- A word in the language of the document.
function common.word(english)
  return document.variables["word-" .. english] or english
end

common.english = {fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section", lst = "Listing"}
common.names = {}
for kind, english in pairs(common.english) do common.names[kind] = common.word(english) end

-- A set of words.
function common.set(words)
  local out = {}
  for word in words:gmatch("%S+") do out[word] = true end
  return out
end

-- What stands in the place of a value until it is put in.
local open, close = "\u{fdd0}", "\u{fdd1}"
common.mark = open .. "qz(%d+)zq" .. close

-- A text with marks that are not in spans of code: TeX takes a backtick for a quotation mark.
function common.bare(text) return (text:gsub("`(" .. open .. "qz%d+zq" .. close .. ")`", "%1")) end

-- A value as a text within a formula: none of its characters is read as TeX.
function common.formula_text(value)
  return "\\text{" .. open .. value:gsub(".", function(c) return ("%02x"):format(c:byte()) end) .. close .. "}"
end

-- A formula with the texts within it.
function common.with_texts(formula, escape)
  return (formula:gsub(open .. "(%x*)" .. close, function(hex)
    local value = hex:gsub("%x%x", function(code) return string.char(tonumber(code, 16)) end)
    return (escape(value))
  end))
end

-- The kind of a label, and the label in our spelling; Quarto writes fig-x for fig:x.
function common.kind(id)
  local kind, rest = id:match("^(%a+)[:-](.+)$")
  kind = kind and kind:lower()
  if common.names[kind] then return kind, kind .. ":" .. rest end
end

-- A label in our spelling: TeX writes tab:x and eqn:x, bookdown tab:x.
local kinds = {tab = "tbl", table = "tbl", eqn = "eq", equation = "eq", figure = "fig", sect = "sec", section = "sec", subsec = "sec", app = "sec"}
function common.label(id)
  local kind, rest = id:match("^(%a+):(.+)$")
  return kinds[kind] and kinds[kind] .. ":" .. rest or id
end

-- What numbers.lua replaces by the number of a label (form "number", "brackets"), or by name and number ("name").
function common.reference(label, form, source)
  local attributes = {label = common.label(label), form = form, source = source}
  return pandoc.Span({}, pandoc.Attr("", {"reference"}, attributes))
end

-- The quotation marks of the language; Typst would guess from what stands beside each which one it is.
function common.with_quotes(doc)
  local marks = {}
  for i = 1, 4 do marks[i] = document.variables["quote-" .. i] end
  return doc:walk {Quoted = function(q)
    local first = q.quotetype == "DoubleQuote" and 1 or 3
    return common.blocks(pandoc.Str(marks[first]), q.content, pandoc.Str(marks[first + 1]))
  end}
end

-- Tell whether the document is a presentation.
function common.is_presentation()
  return document.variables.slides ~= nil
end

-- Report a problem; `needle` is what stands in the source at that place.
function common.problem(needle, sentence)
  pandoc.log.warn(needle .. "\t" .. sentence)
end

function common.blocks(first, content, last)
  local out = pandoc.List {first}
  out:extend(content)
  out:insert(last)
  return out
end

-- A width as both formats know it; nothing if it is none. Numbers alone, and px, are pixels of a screen.
local units = {cm = true, mm = true, ["in"] = true, pt = true, em = true, ["%"] = true}
function common.length(text)
  local number, unit = text:match("^%s*([%d.]+)%s*([%a%%]*)%s*$")
  if not tonumber(number) then return nil end
  if unit == "" or unit == "px" then return ("%.6gpt"):format(number * 0.75) end
  return units[unit] and number .. unit or nil
end

-- The raw HTML comment `<!-- word -->`, as a word.
function common.comment(block)
  if block.t == "RawBlock" and block.format:match("html") then
    return block.text:match("^%s*<!%-%-%s*(.-)%s*%-%->%s*$")
  end
end

-- A text as a Typst string.
function common.quoted(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("%s+", " ") .. '"'
end

-- The only thing in a paragraph, if it is an image.
function common.lone_image(block)
  local lone = (block.t == "Para" or block.t == "Plain") and #block.content == 1
  return lone and block.content[1].t == "Image" and block.content[1] or nil
end

-- `$n =$ 40`: no line ends after the relation.
function common.tied(glue)
  return function(inlines)
    local changed
    for i = 1, #inlines - 1 do
      local math, space = inlines[i], inlines[i + 1]
      local relation = math.t == "Math" and (math.text:match("[=<>]%s*$") or math.text:match("\\[lg]eq?%s*$"))
      if relation and (space.t == "Space" or space.t == "SoftBreak") then
        inlines[i + 1], changed = pandoc.Str(glue), true
      end
    end
    return changed and inlines or nil
  end
end

return common
