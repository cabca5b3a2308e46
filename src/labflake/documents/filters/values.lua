-- Puts what inline expressions gave in the places of their marks: as text, whatever stands around it.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})
local mark = common.mark
local known = {}

local function value_of(number) return known[number + 1][1] end
local function source_of(number) return known[number + 1][2] end

-- A text with the values in the places of their marks.
local function filled(text, escape)
  return (text:gsub("`?" .. mark .. "`?", function(number)
    local value = value_of(number)
    return escape and escape(value) or value
  end))
end

-- A text as it was written, with the expressions themselves.
local function as_written(text) return (text:gsub("`?" .. mark .. "`?", source_of)) end

-- Brackets and braces stand alone, so that no filter takes a value for a label or a footnote.
local function words(text)
  local out = pandoc.List()
  if tonumber(text) then text = text:gsub("^%-", "\u{2212}") end
  for blank, word in text:gmatch("( ?)([^ ]*)") do
    if blank ~= "" then out:insert(pandoc.Space()) end
    for part in word:gmatch("[%[{]?[^%[{]*") do
      local bracket, rest = part:match("^([%[{]?)(.*)$")
      if bracket ~= "" then out:insert(pandoc.Str(bracket)) end
      if rest ~= "" then out:insert(pandoc.Str(rest)) end
    end
  end
  return out
end

-- `(` and the number -3 are one word: so is the sign before it.
local function joined(inlines)
  local changed
  for i = #inlines, 2, -1 do
    local before, this = inlines[i - 1], inlines[i]
    if before.t == "Str" and this.t == "Str" and tonumber((this.text:gsub("\u{2212}", "-")))  then
      before.text = before.text .. this.text
      inlines:remove(i)
      changed = true
    end
  end
  return changed and inlines or nil
end

local function attributes(element)
  local changed
  for key, text in pairs(element.attributes) do
    if text:find(mark) then element.attributes[key], changed = filled(text), true end
  end
  return changed and element or nil
end

-- Code is a value, or shows an expression; anything else that looks like one was not evaluated.
local function code(c)
  local value = c.text:match("^" .. mark .. "$")
  if value then return words(value_of(value)) end
  if c.text:find(mark) then
    c.text = as_written(c.text)
    return c
  end
  if c.text:match("^{python}%s") then common.problem(c.text, "this expression was not evaluated: " .. c.text) end
end

-- A mark that is no code of its own: a backtick before it is escaped, or has no partner.
local function str(s)
  if not s.text:find(mark) then return nil end
  local number = s.text:match("`" .. mark) or s.text:match(mark .. "`")
  if number then common.problem(source_of(number), "a backtick near this expression has no partner: " .. source_of(number)) end
  return pandoc.Str(filled(s.text))
end

-- A number is a number; anything else is a text within the formula.
local function math(m)
  m.text = filled(m.text, function(value)
    if value:match("^[-+]?%d[%d,]*%.?%d*$") then return (value:gsub(",", "{,}")) end
    return common.formula_text(value)
  end)
  return m
end

local function plain(inlines)
  return inlines:walk {Str = function(s) return pandoc.Str(filled(s.text)) end}
end

-- `alt="…"` becomes the description of an image: not as Markdown, but as text.
local function image(i)
  if i.src:find(mark) then common.problem(as_written(i.src), "the name of a figure cannot be an expression") end
  i.caption = i.caption:walk {Str = function(s) return pandoc.Str((s.text:gsub("`" .. mark .. "`", value_of))) end}
  attributes(i)
  return i
end

local function percent(text)
  return (text:gsub("[^%w%-._~/?#=&:]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function link(l)
  attributes(l)
  if not l.target:find(mark) then return l end
  l.target = l.target:gsub("%%60", "`")
  l.target = filled(l.target, percent)
  l.content = plain(l.content)
  return l
end

-- The text of a citation as it is written is shown nowhere.
local function cite(c)
  c.content = plain(c.content)
  return c
end

local function raw(r)
  r.text = as_written(r.text)
  return r
end

-- The name of a heading has the values that it shows.
local taken = {}
local function header(h)
  attributes(h)
  local name = h.identifier
  h.content:walk {Code = function(c)
    local number = c.text:match(mark)
    if not number then return nil end
    local slug = pandoc.text.lower(value_of(number)):gsub("%s+", "-"):gsub("[^%w%-_.\128-\255]", "")
    name = name:gsub("qz" .. number .. "zq", slug)
  end}
  local wanted, copy = name, 0
  while name ~= h.identifier and taken[name] do
    copy = copy + 1
    name = wanted .. "-" .. copy
  end
  taken[name], h.identifier = true, name
  return h
end

local filter = {
  traverse = "topdown", Header = header, Link = link, Cite = cite, Code = code, Str = str, Math = math,
  Image = image, Span = attributes, Div = attributes, CodeBlock = raw, RawBlock = raw, RawInline = raw,
}

function Pandoc(doc)
  known = document.values
  return doc:walk(filter):walk {Inlines = joined}
end
