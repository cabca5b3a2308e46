-- Typst needs: alternative texts, numbers from outside, call-outs, columns, tables that fit.
local here = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local common = dofile(pandoc.path.join {here, "common.lua"})
local formula = dofile(pandoc.path.join {here, "formula.lua"})
local listing = dofile(pandoc.path.join {here, "listings.lua"})
local word = dofile(pandoc.path.join {here, "words.lua"})
local section = ""
local root = "."
local nesting = 0
local fill = false   -- slides: figures take the room that is left
local longest_whole = 20   -- rows; a table with more may go on on the next page

local function raw(text) return pandoc.RawBlock("typst", text) end
local function inline(text) return pandoc.RawInline("typst", text) end

local function label(id)
  return id ~= "" and (" #label(%s)"):format(common.quoted(id)) or ""
end

local function equation(math)
  return inline(formula.typst(math))
end

local function span(s)
  if s.classes:includes("equation") then
    return inline(formula.typst(s.content[1], s.attributes.number, label(s.identifier)))
  end
end

local function image(i, default, whole)
  local path = "/" .. pandoc.path.make_relative(i.src, root)
  local alt = i.attributes.alt or pandoc.utils.stringify(i.caption)
  if alt == "" then alt = default and default:match("%S.*") or (common.names.fig .. ": " .. section) end
  local size = ""
  for _, key in ipairs {"width", "height"} do
    if i.attributes[key] then size = size .. (", %s: %s"):format(key, i.attributes[key]) end
  end
  if size == "" and whole then size = ', width: 100%, height: 100%, fit: "contain"' end
  return inline(("#image(%s%s, alt: %s)"):format(common.quoted(path), size, common.quoted(alt)))
end

-- On a slide, a figure without a size of its own takes the room that is left.
local function takes_room(i)
  return i and not (i.attributes.width or i.attributes.height)
end

local function caption_of(element)
  return pandoc.Plain(pandoc.utils.blocks_to_inlines(element.caption.long))
end

local function numbered(element, body, long)
  local a = element.attributes
  if fill and not a.part then   -- a slide says the number only of what it refers to
    if not a.float then a.number = "" end
    a.float = nil
  end
  local open = a.part and "#part(%s, %s, [" or "#numbered(%s, %s, %s, float: %s, long: %s, ["
  local values = pandoc.List {common.quoted(a.kind or "none"), common.quoted(a.number or ""), tostring(a.float ~= nil), tostring(long or false)}
  if not a.part then values:insert(2, common.quoted(common.names[a.kind] or "")) end
  local out = pandoc.List {raw(open:format(table.unpack(values)))}
  out:insert(caption_of(element))
  out:insert(raw("])["))
  out:extend(body)
  out:insert(raw("]" .. label(element.identifier)))
  return out
end

local function figure(fig)
  if fig.attributes.columns then
    local body = pandoc.List {raw(("#grid(columns: (1fr,) * %s, gutter: 1.2em, align: top,"):format(fig.attributes.columns))}
    for _, b in ipairs(fig.content) do body:extend(common.blocks(raw("["), figure(b), raw("],"))) end
    body:insert(raw(")"))
    return numbered(fig, body)
  end
  local alt = pandoc.utils.stringify(fig.caption.long)
  local whole = fill and not fig.attributes.part and #fig.content == 1 and takes_room(common.lone_image(fig.content[1]))
  local body = pandoc.Div(fig.content):walk {Image = function(i) return image(i, alt, whole) end}
  if whole then return common.blocks(raw("#filling["), numbered(fig, body.content), raw("]")) end
  return numbered(fig, body.content)
end

local function rows_of(t)
  local rows = pandoc.List()
  rows:extend(t.head.rows)
  for _, b in ipairs(t.bodies) do rows:extend(b.body) end
  return rows
end

-- The longest word of each column: columns can be no narrower.
local function words_of(t)
  local longest = {}
  for i = 1, #t.colspecs do longest[i] = "" end
  for _, row in ipairs(rows_of(t)) do
    local column = 1
    for _, cell in ipairs(row.cells) do
      local text = cell.col_span == 1 and pandoc.utils.stringify(pandoc.Pandoc(cell.contents)) or ""
      for word in text:gmatch("%S+") do
        if pandoc.text.len(word) > pandoc.text.len(longest[column]) then longest[column] = word end
      end
      column = column + cell.col_span
    end
  end
  return longest
end

-- A table that would need very small type goes on a page of its own, turned by a quarter.
local function is_wide(words)
  local width = 0
  for _, word in ipairs(words) do width = width + 4.8 * pandoc.text.len(word) + 12 end
  return not fill and nesting == 0 and width > 650
end

-- A table that fits on a page is never split; of a longer one the caption, the head and some rows stay together.
local function table_(t)
  local words = words_of(t)
  local long = #rows_of(t) > longest_whole
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = common.quoted(word) end
  local name = t.identifier ~= "" and t.identifier or words[1]
  local wide = is_wide(words)
  local room = nesting > 0 and "none" or wide and "wide-room" or "room"
  local open = "#fitted(%s, %s, (%s,))["
  local body = pandoc.List {raw(open:format(common.quoted(name), room, table.concat(quoted, ", ")))}
  local bare = t:clone()
  bare.caption, bare.attr = {long = {}}, pandoc.Attr()
  body:insert(bare)
  body:insert(raw("]"))
  if t.attributes.number then body = numbered(t, body, long) end
  if nesting == 0 then body = common.blocks(raw(long and "#long-table[" or "#whole-table["), body, raw("]")) end
  if wide and not t.attributes.turned then body = common.blocks(raw("#page(flipped: true)["), body, raw("]")) end
  return body, false
end

local function header(h)
  section = pandoc.utils.stringify(h.content)
  if fill then h.level, h.attributes.number = 2, nil end   -- the title of the slide has level 1
  local number = h.attributes.number
  local numbering = number and ("(..n) => %s"):format(common.quoted(number)) or "none"
  local open = ("#heading(level: %d, numbering: %s)["):format(h.level, numbering)
  return {raw(open), pandoc.Plain(h.content), raw("]" .. label(h.identifier))}
end

-- A heading right before a table that is turned stands on its page.
local function turned(d)
  local heading, wide = d.content[1], d.content[2]
  wide.attributes.turned = "yes"
  local out = pandoc.List {raw("#page(flipped: true)[")}
  out:extend(header(heading))
  out:extend((table_(wide)))
  out:insert(raw("]"))
  return out
end

local inside   -- what is done to blocks inside of others; below

local function callout(d)
  local out = pandoc.List {raw(('#callout("%s", ['):format(d.classes[1]))}
  out:insert(pandoc.Plain(d.content[1].content[1].content))
  out:insert(raw("])["))
  for i = 2, #d.content do out:extend(inside {d.content[i]}) end
  out:insert(raw("]"))
  return out
end

local function in_column(i)
  if not (i.attributes.width or i.attributes.height) then i.attributes.width = "100%" end
  return i
end

local function columns(d)
  local widths, cells, whole = pandoc.List(), pandoc.List(), false
  d:walk {Image = function() whole = not fill end}
  for _, b in ipairs(d.content) do
    if b.t == "Div" then
      b = b:walk {Image = in_column}
      widths:insert(((b.attributes.width or "1fr"):gsub("%%$", "fr")))
      cells:extend(common.blocks(raw("["), inside(b.content), raw("],")))
    end
  end
  return common.blocks(raw(("#side-by-side((%s,), whole: %s,"):format(table.concat(widths, ", "), tostring(whole))), cells, raw(")"))
end

-- The text and the figure of a slide; Typst sees where the figure is larger: beside the text or below it.
local function beside(d)
  local text, picture, path = d.content[1].content, d.content[2].content, nil
  d.content[2]:walk {Image = function(i) path = "/" .. pandoc.path.make_relative(i.src, root) end}
  local out = common.blocks(raw(("#beside(%s)["):format(common.quoted(path))), inside(text), raw("]["))
  out:extend(inside(picture))
  out:insert(raw("]"))
  return out
end

local function div(d)
  if d.identifier == "refs" then return common.blocks(raw("#references["), d.content, raw("]")), false end
  if d.classes:includes("callout") then return callout(d), false end
  if d.classes:includes("columns") then return columns(d), false end
  if d.classes:includes("turned") then return turned(d), false end
  if d.classes:includes("announcing") then return common.blocks(raw("#announcing["), d.content, raw("]")), false end
  if d.classes:includes("beside") then return beside(d), false end
end

-- Where very long words may break anywhere, there are too many ways to choose the best one.
local most_broken = 10
local function has_many_long_words(element)
  local count = 0
  element:walk {Str = function(s) if #s.text >= 60 then count = count + 1 end end}
  return count > most_broken
end

local suspected = false   -- of the whole document, so that few paragraphs are looked at
local function is_pathological(p) return suspected and has_many_long_words(p) end

local function paragraph(p)
  local found = common.lone_image(p)
  if not found then
    return is_pathological(p) and common.blocks(raw('#{\nset par(linebreaks: "simple")\n['), pandoc.Blocks {p}, raw("]}")) or nil
  end
  local whole = fill and takes_room(found)
  return {raw(whole and "#filling[" or "#centred["), pandoc.Plain {image(found, nil, whole)}, raw("]")}
end

local function comment(r)
  if common.comment(r) then return {} end
end

-- What begins a block is no mark of a list, a heading or a term; pandoc sees to it outside of lists.
local function first(block)
  local s = block.content[1]
  local mark = s and s.t == "Str" and (s.text:match("^[-+=/]") or s.text:match("^%d%d*%."))
  if mark then
    block.content[1] = pandoc.Str(s.text:sub(2))
    block.content:insert(1, inline("\\" .. s.text:sub(1, 1)))
  end
  return mark and block or nil
end

local filter = {
  traverse = "topdown", Figure = figure, Table = table_, Header = header, Div = div, Para = paragraph,
  CodeBlock = listing, RawBlock = comment, Span = span,
}

function inside(blocks)
  nesting = nesting + 1
  local out = pandoc.Blocks(blocks):walk(filter)
  nesting = nesting - 1
  return out
end

-- What is announced ("These limits apply:") follows on the same page.
local announced = {BulletList = true, OrderedList = true, DefinitionList = true, CodeBlock = true, BlockQuote = true, Table = true}
local function keep_announcements(blocks)
  local changed
  for i = #blocks - 1, 1, -1 do
    local here = blocks[i]
    if here.t == "Para" and announced[blocks[i + 1].t] and pandoc.utils.stringify(here):match(":%s*$") then
      blocks:remove(i)
      for n, b in ipairs {raw("#announcing["), here, raw("]")} do blocks:insert(i + n - 1, b) end
      changed = true
    end
  end
  return changed and blocks or nil
end

local function ends_section(b)
  return b.t == "Header" or b.t == "Table" and is_wide(words_of(b))
end

-- No figure stands before one with a smaller number: between two headings all float, or none does.
local function in_order(run)
  local placed = false
  for _, b in ipairs(run) do
    if not (b.t == "Figure" and b.attributes.float) then
      pandoc.Blocks({b}):walk {Figure = function(fig) placed = placed or fig.attributes.kind == "fig" end}
    end
  end
  local function place(fig) fig.attributes.float = nil return fig end
  return placed and run:walk {Figure = place} or run
end

-- Figures float within the text between two headings, and not out of it.
local function sections(blocks)
  local out, run = pandoc.List(), pandoc.Blocks {}
  local function close()
    if #run > 0 then out:extend(common.blocks(raw("#between-headings["), in_order(run), raw("]"))) end
    run = pandoc.Blocks {}
  end
  for _, b in ipairs(blocks) do
    if ends_section(b) then
      close()
      local above = b.t == "Table" and out[#out]
      local heads = above and above.t == "Header"
      out:insert(heads and pandoc.Div({out:remove(), b}, {class = "turned"}) or b)
    else
      run:insert(b)
    end
  end
  close()
  return out
end

local function formulas_of(doc)
  local formulas = pandoc.List()
  doc:walk {Math = function(m) formulas:insert(m) end}
  return formulas
end

function Pandoc(doc)
  doc = common.with_quotes(doc)
  formula.prepare(formulas_of(doc))
  fill = common.is_presentation()
  root = document.root
  suspected = has_many_long_words(doc)
  doc = doc:walk {Inlines = common.tied("\u{a0}"), Blocks = keep_announcements}
  if not fill then doc.blocks = sections(doc.blocks) end
  return doc:walk(filter):walk {Str = word, Plain = first, Para = first, Math = equation, Image = function(i) return image(i) end}
end
