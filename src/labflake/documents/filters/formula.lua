-- Formulas for Typst: with the TeX source as the text that is read aloud, and with TeX's own spaces.
local here = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local common = dofile(pandoc.path.join {here, "common.lua"})
local formula = {}
local at, between = "\u{fdd2}", "\u{fdd3}"   -- no characters of a text

-- pandoc 3.9 rounds spaces to whole ems when it writes Typst: \; becomes nothing, \! a leap back.
-- They travel as text and are put in afterwards. It can go when `$a\;b$` gives `a thick b`.
local spaces = {
  [";"] = "thick", ["!"] = "#h(-0.167em)", enspace = "#h(0.5em)", thickspace = "thick", negthinspace = "#h(-0.167em)",
}

local function hide(tex)
  tex = tex:gsub("\\\\", "\1")
  tex = tex:gsub("\\hspace%*?{(%-?[%d.]+%a+)}", "\\text{" .. at .. "%1" .. at .. "}")
  tex = tex:gsub("\\([;!])", "\\text{" .. at .. "%1" .. at .. "}")
  tex = tex:gsub("\\(%a+)%f[%A]", function(name) return spaces[name] and ("\\text{%s%s%s}"):format(at, name, at) end)
  return (tex:gsub("\1", "\\\\"))
end

local function show(typst)
  local function space(name) return spaces[name] or ("#h(%s)"):format(name) end
  typst = typst:gsub('upright%("' .. at .. '([^"]-)' .. at .. '"%)', space):gsub('"' .. at .. '([^"]-)' .. at .. '"', space)
  return common.with_texts(typst, function(text) return text:gsub("\\", "\\\\"):gsub('"', '\\"') end)
end

-- Names of functions that Typst does not know are strings to pandoc, all other texts have a font: upright("if").
local fonts = {upright = true, italic = true, bold = true, sans = true, mono = true, serif = true, cal = true, frak = true, bb = true}
local function with_operators(typst, tex)
  if typst:find('\\"', 1, true) then return typst end
  return (typst:gsub('()"([%a][%a -]*)"', function(place, name)
    if fonts[typst:sub(1, place - 1):match("(%a+)%($")] then return nil end
    local limits = tex:find("\\operatorname*{" .. name .. "}", 1, true) and ", limits: #true" or ""
    return ('op("%s"%s)'):format(name, limits)
  end))
end

local written = {}
local function name_of(math) return math.mathtype .. math.text end

-- Have the writer translate all formulas at once: to begin is what takes it long.
function formula.prepare(formulas)
  local blocks = pandoc.List()
  for _, math in ipairs(formulas) do
    blocks:insert(pandoc.Plain {pandoc.Math(math.mathtype, hide(math.text))})
    blocks:insert(pandoc.RawBlock("typst", between))
  end
  local parts = pandoc.write(pandoc.Pandoc(blocks), "typst"):gmatch("(.-)" .. between)
  for _, math in ipairs(formulas) do written[name_of(math)] = parts():gsub("^%s+", ""):gsub("%s+$", "") end
end

-- A formula as Typst, perhaps with a number and a label (both as Typst).
function formula.typst(math, number, label)
  if not written[name_of(math)] then formula.prepare {math} end
  local body = with_operators(written[name_of(math)], math.text)
  local numbering = number and (", numbering: (..n) => %s"):format(common.quoted("(" .. number .. ")")) or ""
  return ("#{set math.equation(alt: %s%s); [%s%s]}"):format(
    common.quoted(common.with_texts(math.text, tostring)), numbering, show(body), label or "")
end

return formula
