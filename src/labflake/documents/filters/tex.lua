-- TeX in the text, as people paste it from papers, becomes what it means; what no format can show is refused.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})
local set = common.set

-- They say how a page looks, and show nothing themselves.
local layout = set [[
  centering raggedright raggedleft noindent indent par smallskip medskip bigskip vspace hspace vfill hfill small
  footnotesize scriptsize tiny normalsize large Large huge Huge label protect relax sloppy singlespacing doublespacing
  setlength addlinespace arraybackslash nonumber notag strut null hphantom vphantom phantom index
]]
local blanks = set "quad qquad enspace enskip thinspace space"
local definition = set [[
  newcommand renewcommand providecommand def let DeclareMathOperator newenvironment renewenvironment newtheorem
]]
local theorems = ""
for _, name in ipairs {"Theorem", "Lemma", "Proposition", "Corollary", "Definition", "Remark", "Example", "Claim", "Conjecture", "Assumption"} do
  theorems = theorems .. ("\\newtheorem*{%s}{%s}\n"):format(name:lower(), name)
end

local refused   -- something of the TeX that is read now
local function refuse(source, what)
  refused = true
  local shown = source:gsub("%s+", " "):gsub("^%s", "")
  common.problem(source, what .. ": " .. shown:sub(1, 60) .. (#shown > 60 and " …" or ""))
end

local function of_kind(id, kind)
  id = common.label(id)
  return (id == "" or common.kind(id)) and id or kind .. ":" .. id
end

local forms = {ref = "number", eqref = "brackets", autoref = "name", cref = "name", Cref = "name", vref = "number", labelcref = "number"}

-- \ref{a} and \cref{a,b} as what numbers.lua fills in.
local function references(form, ids, source)
  local out = pandoc.List()
  for id in ids:gmatch("[^,%s]+") do
    if #out > 0 then out:extend {pandoc.Str ",", pandoc.Space()} end
    out:insert(common.reference(id, form, source))
  end
  return out
end

-- What the reader of LaTeX left: references, what shows nothing, and what it does not know.
local function left(raw, source)
  local name = raw.text:match("^\\(%a+)")
  local ids = raw.text:match("^\\%a+%*?{([^{}]*)}$")
  if forms[name] and ids then return references(forms[name], ids, raw.text) end
  if layout[name] then return {} end
  if blanks[name] then return {pandoc.Space()} end
  refuse(source, "this TeX cannot be shown" .. (name and " (\\" .. name .. ")" or ""))
  return {}
end

-- A displayed formula with a label is numbered.
local function display(math)
  local labels = pandoc.List()
  local text = math.text:gsub("%(\\#(eq:[%w_-]+)%)", "\\label{%1}")   -- of bookdown
  text = text:gsub("%s*\\label{([^}]*)}%s*", function(id) labels:insert(id) return " " end)
  text = text:gsub("\\nonumber%f[%A]", ""):gsub("\\notag%f[%A]", "")
  text = text:gsub("^%s*\\begin{equation%*?}(.*)\\end{equation%*?}%s*$", "%1")
  text = text:gsub("^%s*\\begin{displaymath}(.*)\\end{displaymath}%s*$", "%1")
  for from, to in pairs {align = "aligned", gather = "gathered", multline = "gathered", eqnarray = "aligned", flalign = "aligned"} do
    text = text:gsub("\\begin{" .. from .. "%*?}", "\\begin{" .. to .. "}"):gsub("\\end{" .. from .. "%*?}", "\\end{" .. to .. "}")
  end
  if #labels > 1 then refuse("\\label{" .. labels[2] .. "}", "one label for each formula, please; divide it") end
  local plain = pandoc.Math("DisplayMath", text)
  if #labels == 0 then return plain end
  return pandoc.Span({plain}, pandoc.Attr(of_kind(labels[1], "eq"), {"equation"}))
end

-- What pandoc's reader of formulas leaves out without a word.
local function check(tex)
  local found, what = tex:match("\\hline%f[%A]"), "lines of an array are lost in a formula: write it without them, or as a table"
  for array in tex:gmatch("\\begin{%a*array}%s*%b{}") do found = array:find("[|:]") and array or found end
  local colour = tex:match("\\color%s*%b{}")
  if colour then found, what = colour, "colours are lost in a formula: write it without them" end
  if found then common.problem(tex:gsub("\t", " ") .. "\t" .. found, what .. ": " .. found) end
end

local function math(m)
  check(m.text)
  if m.mathtype == "DisplayMath" then return display(m) end
end

-- 0.5\textwidth
local function image(i)
  if pandoc.utils.stringify(i.caption) == "image" then i.caption = {} end   -- a word of pandoc's
  local part = (i.attributes.width or ""):match("^([%d.]*)\\%a+width$")
  if part then i.attributes.width = ("%g%%"):format(100 * (tonumber(part) or 1)) end
  for key, text in pairs(i.attributes) do if text:find("\\") then i.attributes[key] = nil end end
  return i
end

local function figure(f)
  f.identifier = of_kind(f.identifier, "fig")
  local parts = f.content:filter(function(b) return b.t == "Figure" end)
  if #parts == 0 then return f end
  parts:extend(f.caption.long)
  return pandoc.Div(parts, pandoc.Attr(f.identifier, {"subfigures"}))
end

-- A theorem has no number: each piece of TeX is read alone, and would begin with 1. The label of a table
-- stands around it.
local function around(d)
  if d.classes[1] and theorems:find("{" .. d.classes[1] .. "}", 1, true) then
    local strong = d.content[1].content and d.content[1].content[1]
    if strong and strong.t == "Strong" then strong.content = {strong.content[1]} end
    d.classes = {}   -- it has its name
    return d
  end
  local tables = d.content:filter(function(b) return b.t == "Table" end)
  if #tables == 1 and d.identifier ~= "" then
    tables[1].identifier, d.identifier = of_kind(d.identifier, "tbl"), ""
    return d.content
  end
end

-- Boxes are what is in them; columns of tables have an alignment, and nothing else.
local function without_boxes(tex)
  local function inner(group) return group:sub(2, -2) end
  tex = tex:gsub("\\resizebox%*?%s*%b{}%s*%b{}%s*(%b{})", inner):gsub("\\scalebox%s*%b{}%s*(%b{})", inner)
  tex = tex:gsub("\\begin{adjustbox}%s*%b{}", ""):gsub("\\end{adjustbox}", ""):gsub("\\[mf]box%s*(%b{})", inner)
  return (tex:gsub("(\\begin{tabular}%s*)(%b{})", function(open, columns)
    local plain = inner(columns):gsub("[@!<>]%s*%b{}", ""):gsub("S%s*%b[]", "r"):gsub("[SX]", {S = "r", X = "l"})
    return open .. "{" .. plain .. "}"
  end))
end

-- The words that TeX would print.
local function words_of(tex)
  tex = tex:gsub("\\\\", " "):gsub("([^\\])%%[^\n]*", "%1"):gsub("^%%[^\n]*", "")
  tex = tex:gsub("\\item%s*%[", "\\item "):gsub("\\begin{%a+%*?}", "\\begin"):gsub("\\end{%a+%*?}", "")
  tex = tex:gsub("\\begin%s*(%b[])", "\\begin"):gsub("\\begin%s*%b{}%s*%b{}", "\\begin"):gsub("\\begin%s*%b{}", "\\begin")
  for _, name in ipairs {"vspace", "hspace", "label", "color", "textcolor", "num", "qty", "SI", "si", "unit", "ang", "cline", "rule", "phantom", "hphantom", "vphantom", "ref", "eqref", "autoref", "cref", "Cref", "vref", "labelcref", "index"} do
    tex = tex:gsub("\\" .. name .. "%*?%b{}", " ")
  end
  tex = tex:gsub("\\setlength%b{}%b{}", " "):gsub("\\setlength\\%a+%b{}", " "):gsub("\\cmidrule%s*%b()", "\\cmidrule"):gsub("\\cmidrule%s*%b{}", " ")
  tex = tex:gsub("\\multicolumn%b{}%b{}", " "):gsub("\\multirow%b{}%b{}", " "):gsub("\\resizebox%*?%b{}%b{}", " "):gsub("\\scalebox%b{}", " ")
  tex = tex:gsub("(\\%a+%*?)%s*%b[]", "%1 "):gsub("\\[\"'`^~=.]%s*{?\\?%a}?", " "):gsub("\\[cvHkurbdt]%s*{%a}", " ")
  return tex:gsub("\\%a+", " "):gmatch("%w+")
end

-- All strings of a document.
local function strings(blocks)
  local out = {}
  for text in pandoc.write(pandoc.Pandoc(blocks), "native"):gsub('\\"', " "):gmatch('"([^"]*)"') do out[#out + 1] = text end
  return table.concat(out, " ")
end

local function check_words(tex, blocks, source)
  local found = strings(blocks)
  for word in words_of(tex) do
    if not found:find(word, 1, true) then
      refuse(source, ("this TeX cannot be shown (%s would be lost)"):format(word))
      return
    end
  end
end

-- The only label of a piece of TeX is that of its table or figure, wherever it stands.
local function named(blocks, tex)
  local label, count = tex:match("\\label{([^}]*)}"), select(2, tex:gsub("\\label{", ""))
  local function name(kind)
    return function(element)
      if element.identifier == "" then element.identifier = of_kind(label, kind) end
      return element
    end
  end
  return count == 1 and blocks:walk {Table = name "tbl", Figure = name "fig"} or blocks
end

local function read(source)
  local tex = without_boxes(common.bare(source))
  refused = false
  if tex:match("^%s*\\begin{comment}") then return {} end
  if tex:find("\\today%f[%A]") then refuse(source, "every day shows another \\today; write the date") end
  local blocks = pandoc.read(theorems .. tex, "latex+raw_tex").blocks
  local function raw(r) return left(r, source) end
  local clean = pandoc.Blocks(blocks):walk {
    traverse = "topdown",
    Cite = function(c) c.content = {} return c, false end,
    RawInline = raw,
    RawBlock = function(r)
      local inlines = left(r, source)
      return #inlines > 0 and pandoc.Plain(inlines) or {}
    end,
  }
  clean = clean:walk {Math = math, Image = image, Figure = figure, Div = around}
  clean = named(clean, tex)
  if not refused and #clean == 0 and not layout[tex:match("^%s*\\(%a+)")] then refuse(source, "this TeX shows nothing") end
  if not refused then check_words(tex, clean, source) end
  return clean
end

local function is_tex(r) return r.format == "tex" or r.format == "latex" end

local function block(r)
  if not is_tex(r) or definition[r.text:match("^%s*\\(%a+)")] then return is_tex(r) and {} or nil end
  return read(r.text)
end

-- {\bf word}: the braces end what it says.
local function take_braces(before, raw, after)
  local is_declaration = raw.text:match("^\\%a+%s")
  if not (is_declaration and before and before.t == "Str" and after and after.t == "Str") then return end
  if not (before.text:match("{$") and after.text:match("^}")) then return end
  before.text = before.text:gsub("{$", "")
  after.text = after.text:gsub("^}", "")
end

local function has_tex(list)
  for _, each in ipairs(list) do if each.t == "RawInline" and is_tex(each) then return true end end
end

local function inlines(list)
  if not has_tex(list) then return nil end
  local out = pandoc.Inlines {}
  for i, each in ipairs(list) do
    if each.t == "RawInline" and is_tex(each) then take_braces(out[#out], each, list[i + 1]) end
    if each.t ~= "RawInline" or not is_tex(each) then
      out:insert(each)
    elseif not definition[each.text:match("^%s*\\(%a+)")] then
      local last = out[#out]
      if last and last.t == "Str" then last.text = last.text:gsub("~$", "\u{a0}") end
      out:extend(pandoc.utils.blocks_to_inlines(read(each.text), {pandoc.Space()}))
    end
  end
  return out
end

function Pandoc(doc)
  return doc:walk {RawBlock = block, Inlines = inlines, Math = math}
end
