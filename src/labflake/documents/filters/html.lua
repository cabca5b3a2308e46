-- What the page needs beyond pandoc's own HTML: captions with numbers, tables that scroll, call-outs.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local function numbered(caption, kind, number)
  if not number then return caption end
  local label = pandoc.Span({pandoc.Str(common.names[kind] .. "\u{a0}" .. number .. ".")}, {class = "number"})
  local first = caption.long[1]
  if not first or not first.content then return {long = {pandoc.Plain {label}}} end
  first.content = pandoc.List {label, pandoc.Space()} .. first.content
  caption.long[1] = pandoc.Plain(first.content)
  return caption
end

-- A slide says the number only of what it refers to.
local function number_of(a)
  if a.part or a.float or not common.is_presentation() then return a.number end
end

local function figure(fig)
  local a = fig.attributes
  local number, part = number_of(a), a.part
  local columns = a.columns
  fig.attributes = {}
  if part then
    local letter = pandoc.Span({pandoc.Str("(" .. number .. ")")}, {class = "number"})
    local first = fig.caption.long[1]
    first.content = pandoc.List {letter, pandoc.Space()} .. first.content
    fig.classes:insert("part")
  else
    fig.caption = numbered(fig.caption, a.kind, number)
  end
  if columns then
    fig.classes:insert("parts")
    fig.content = {pandoc.Div(fig.content, pandoc.Attr("", {"row"}, {style = "--columns: " .. columns}))}
  end
  return fig
end

-- A table that is wider than the screen scrolls in a region that the keyboard reaches, too.
local function scroll(t, label)
  return pandoc.Div({t}, pandoc.Attr("", {"scroll"}, {{"tabindex", "0"}, {"role", "region"}, {"aria-label", label}}))
end

-- The head of the column of row names is empty; who listens to the page hears what it is.
local function name_empty_heads(t)
  for _, row in ipairs(t.head.rows) do
    for _, cell in ipairs(row.cells) do
      if pandoc.utils.stringify(pandoc.Pandoc(cell.contents)) == "" then
        cell.contents = {pandoc.Plain {pandoc.Span({pandoc.Str "Row"}, {class = "unseen"})}}
      end
    end
  end
end

local function table_(t)
  name_empty_heads(t)
  local caption, id = t.caption, t.identifier
  local captioned, number = t.attributes.number, number_of(t.attributes)
  t.attributes, t.identifier, t.caption = {}, "", {long = {}}
  if not captioned then return scroll(t, common.names.tbl), false end
  caption = numbered(caption, "tbl", number)
  return pandoc.Figure({scroll(t, common.names.tbl .. " " .. captioned)}, caption, pandoc.Attr(id, {"table"})), false
end

local function header(h)
  local number = h.attributes.number
  h.attributes.number = nil
  if number and not common.is_presentation() then
    h.content = pandoc.List {pandoc.Span({pandoc.Str(number)}, {class = "number"}), pandoc.Space()} .. h.content
  end
  h.level = math.min(h.level + 1, 6)   -- the title is the only heading of level 1
  return h
end

local function span(s)
  if not s.classes:includes("equation") then return nil end
  local number = s.attributes.number
  s.attributes.number = nil
  s.content:insert(pandoc.Span({pandoc.Str("(" .. number .. ")")}, {class = "number"}))
  return s
end

local function div(d)
  if not d.classes:includes("callout") then return nil end
  d.attributes.role = "note"
  return d
end

-- Browsers may end a line beside any formula, whatever character stands there.
local function together(inlines)
  local changed
  for i = #inlines - 2, 1, -1 do
    if inlines[i].t == "Math" and inlines[i + 1].text == "\u{2060}" then
      local tied = {inlines[i], inlines[i + 1], inlines:remove(i + 2)}
      inlines:remove(i + 1)
      inlines[i], changed = pandoc.Span(tied, {class = "tied"}), true
    end
  end
  return changed and inlines or nil
end

function Pandoc(doc)
  doc = common.with_quotes(doc)
  doc = doc:walk {Inlines = common.tied("\u{2060}")}:walk {Inlines = together}   -- a browser leaves room after a relation by itself
  return doc:walk {Figure = figure, Table = table_, Header = header, Span = span, Div = div}
end
