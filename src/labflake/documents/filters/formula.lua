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

local function marked(name) return "\\text{" .. at .. name .. at .. "}" end

-- What pandoc 3.9 writes as an index (\overset{a}{b} as b^a), or not at all, travels as a brace around it.
local braces = {overset = "over", stackrel = "over", underset = "under"}
local function with_braces(tex)
  for command, side in pairs(braces) do
    tex = tex:gsub("\\" .. command .. "%s*(%b{})%s*(%b{})", function(script, body)
      local inner, index = with_braces(body:sub(2, -2)), side == "over" and "^" or "_"
      return ("\\%sbrace{%s%s}%s{%s}"):format(side, marked(side .. "set"), inner, index, with_braces(script:sub(2, -2)))
    end)
  end
  return (tex:gsub("\\(%a+)(bracket)%s*(%b{})", function(side, kind, body)
    if side ~= "over" and side ~= "under" then return nil end
    return ("\\%sbrace{%s%s}"):format(side, marked(side .. kind), with_braces(body:sub(2, -2)))
  end))
end

-- An array without delimiters: its columns would touch each other. Those of equations (rl, rcl) shall.
local function array(columns, body)
  columns = columns:gsub("[^lcr]", "")
  if columns == "rl" then return "\\begin{aligned}" .. body .. "\\end{aligned}" end
  if columns == "rcl" then
    local rows = (body .. "\1"):gsub("([^\1&]*)&([^\1&]*)&([^\1&]*)\1", "%1&{}%2{}%3\1"):sub(1, -2)
    return "\\begin{aligned}" .. rows .. "\\end{aligned}"
  end
  local side = columns:match("^l+$") and "left" or columns:match("^r+$") and "right" or "center"
  return ("\\begin{pmatrix}%s%s\\end{pmatrix}"):format(marked("columns" .. side), body)
end

-- The columns of cases stand apart, and cases of one column have their brace, too.
local function apart(body)
  if body:find("\\begin", 1, true) then return body end
  if body:find("&", 1, true) then return (body:gsub("&", "&\\quad ")) end
  return (body:gsub("\1", "&{}\1")) .. "&{}"
end

local pairs_of_typst = {["("] = ")", ["["] = "]", ["|"] = "|", ["\\{"] = "\\}", ["\\|"] = "\\|"}

-- What pandoc takes as the delimiters of an array; what stands around it otherwise is no part of it.
local function delimiter(before, after)
  local left, right = before:match("\\left%s*(\\?[^%s%a])%s*$"), after:match("^%s*\\right%s*(\\?[^%s%a])")
  local fitting = left and right and pairs_of_typst[left]
  return fitting and (fitting == right or left .. right == "\\{.") and left .. right
end

-- Arrays from the innermost to the outermost; those that have been looked at have a mark in their name.
local function with_columns(tex)
  tex = tex:gsub("\\begin{vmatrix}(.-)\\end{vmatrix}", "\\left|\\begin{array}{c}%1\\end{array}\\right|")
  while true do
    local before, columns, body, after = tex:match("^(.*)\\begin{array}%s*(%b{})(.-)\\end{array}(.*)$")
    if not before then break end
    local around = delimiter(before, after)
    if around == "\\{." then body = apart(body) end
    tex = before .. (around and ("\\begin\2{array}%s%s\\end\2{array}"):format(columns, body) or array(columns, body)) .. after
  end
  for _, kind in ipairs {"matrix", "smallmatrix"} do
    tex = tex:gsub("\\begin{" .. kind .. "}(.-)\\end{" .. kind .. "}", function(body) return array("c", body) end)
  end
  tex = tex:gsub("(\\begin{d?cases})(.-)(\\end{d?cases})", function(open, body, close) return open .. apart(body) .. close end)
  return (tex:gsub("\2", ""))
end

local function hide(tex)
  tex = with_columns(with_braces((tex:gsub("\\\\", "\1"))))
  tex = tex:gsub("\\hspace%*?{(%-?[%d.]+%a+)}", "\\text{" .. at .. "%1" .. at .. "}")
  tex = tex:gsub("\\([;!])", "\\text{" .. at .. "%1" .. at .. "}")
  tex = tex:gsub("\\(%a+)%f[%A]", function(name) return spaces[name] and ("\\text{%s%s%s}"):format(at, name, at) end)
  return (tex:gsub("\1", "\\\\"))
end

local shown = {overset = "overset(", underset = "underset(", overbracket = "overbracket(", underbracket = "underbracket("}
local function show(typst)
  typst = typst:gsub("%a+brace%(upright%(\"" .. at .. "(%a+)" .. at .. "\"%) ?", shown)
  typst = typst:gsub('(%a+)%(delim: "%(", upright%("' .. at .. "columns(%a+)" .. at .. '"%) ?', "%1(delim: #none, align: #%2, ")
  typst = typst:gsub('vec%(upright%("' .. at .. "columns(%a+)" .. at .. '"%) ?', "vec(delim: #none, align: #%1, ")
  typst = typst:gsub('delim: "||"', 'delim: "‖"')
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
