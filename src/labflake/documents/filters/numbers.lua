-- Numbers figures, tables, listings, equations, sections and appendices, and fills in the references.
-- Both formats get their numbers from here, so that they are the same.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local count = {fig = 0, tbl = 0, eq = 0, lst = 0}
local known, order = {}, pandoc.List()
local sections, appendix = {}, false
local cited = {}

local function label_of(id)
  local _, label = common.kind(id)
  return label or id
end

local function register(id, kind, number, name)
  if id == "" then return end
  local label = label_of(id)
  if known[label] and not known[label].implied then common.problem("#" .. id, "this label is defined twice: " .. id) end
  known[label] = {name = name or common.names[kind], number = number, id = id}
  order:insert(id)
end

-- A name that nobody wrote: it never clashes, the first one counts.
local function imply(id, kind, number, target, name)
  if not known[id] then
    known[id] = {name = name or common.names[kind], number = number, id = target, implied = true}
    if kind == "fig" then order:insert(id) end
  end
end

local function check_kind(id, kind)
  if id ~= "" and common.kind(id) ~= kind then
    common.problem(id, ("the label of this %s must begin with %s: (it is %s)"):format(
      common.english[kind]:lower(), kind, id))
  end
end

local function next_number(kind)
  count[kind] = count[kind] + 1
  return tostring(count[kind])
end

local function source_of(figure)
  local found
  pandoc.Div(figure.content):walk {Image = function(i) found = found or i end}
  return found
end

-- What the text refers to may stand elsewhere on the page; the rest stays where it is written.
local function may_float(element)
  local float = cited[label_of(element.identifier)] and not element.classes:includes("listing")
  if float then element.attributes.float = "yes" end
end

local function number_figure(fig)
  local kind = fig.classes:includes("listing") and "lst" or "fig"
  check_kind(fig.identifier, kind)
  fig.attributes.number, fig.attributes.kind = next_number(kind), kind
  local image = source_of(fig)
  if fig.identifier == "" and image then
    local id = "fig:" .. pandoc.path.filename(image.src):gsub("%.%w+$", "")
    if not known[id] then fig.identifier = id end
    imply(id, "fig", fig.attributes.number, id)
  else
    register(fig.identifier, kind, fig.attributes.number)
  end
  may_float(fig)
  return fig, false
end

-- <div class="subfigures" id="fig:x">: figures side by side; the last paragraph is the caption of all.
local function subfigures(div)
  local parts, caption = pandoc.List(), pandoc.List()
  local number = next_number("fig")
  for _, b in ipairs(div.content) do
    if b.t == "Figure" then
      local letter = string.char(97 + #parts)
      b.attributes.number, b.attributes.kind, b.attributes.part = letter, "fig", "yes"
      register(b.identifier, "fig", number .. letter)
      parts:insert(b)
    elseif not common.comment(b) then
      caption:insert(b)
    end
  end
  check_kind(div.identifier, "fig")
  register(div.identifier, "fig", number)
  if #parts == 0 then common.problem("subfigures", "there is no figure with a caption among these sub-figures") end
  local columns = div.attributes.columns or tostring(math.min(#parts, 3))
  local attr = pandoc.Attr(div.identifier, {}, {number = number, kind = "fig", columns = columns})
  local figure = pandoc.Figure(parts, {long = caption}, attr)
  may_float(figure)
  return figure, false
end

local function number_table(t)
  if #t.caption.long == 0 and t.identifier == "" then return nil end
  check_kind(t.identifier, "tbl")
  t.attributes.number, t.attributes.kind = next_number("tbl"), "tbl"
  register(t.identifier, "tbl", t.attributes.number)
  return t
end

local function label_of_equation(inline)
  return inline and inline.t == "Str" and inline.text:match("^{#(eq[:-][%w_%-]+)}$")
end

-- $$ … $$ {#eq:x}
local function equations(inlines)
  local changed
  for i = #inlines - 1, 1, -1 do
    local math = inlines[i]
    if math.t == "Math" and math.mathtype == "DisplayMath" then
      local j = i + 1
      while inlines[j] and (inlines[j].t == "Space" or inlines[j].t == "SoftBreak") do j = j + 1 end
      local id = label_of_equation(inlines[j])
      if id then
        for _ = i, j do inlines:remove(i) end
        inlines:insert(i, pandoc.Span({math}, pandoc.Attr(id, {"equation"})))
        changed = true
      end
    end
  end
  return changed and inlines or nil
end

local function number_equation(span)
  if not span.classes:includes("equation") then return nil end
  span.attributes.number = next_number("eq")
  register(span.identifier, "eq", span.attributes.number)
  return span, false
end

local function section_number(level)
  for l = #sections + 1, level do sections[l] = 0 end
  sections[level] = sections[level] + 1
  for l = level + 1, #sections do sections[l] = nil end
  local parts = {table.unpack(sections, 1, level)}
  if appendix then parts[1] = string.char(64 + parts[1]) end
  return table.concat(parts, ".")
end

-- Levels follow each other without gaps, whatever level the author begins with: readers of a PDF
-- or a page by ear rely on it.
local open_levels = {}
local function settle_level(h)
  while #open_levels > 0 and open_levels[#open_levels] >= h.level do table.remove(open_levels) end
  table.insert(open_levels, h.level)
  h.level = #open_levels
end

local function number_header(h)
  if not common.is_presentation() then settle_level(h) end
  if h.classes:includes("appendix") and not appendix then appendix, sections = true, {} end
  if h.classes:includes("unnumbered") then return h end
  local number = section_number(h.level)
  local name = appendix and common.word("Appendix") or nil
  h.attributes.number = number
  if common.kind(h.identifier) == "sec" then
    register(h.identifier, "sec", number, name)
  else
    imply("sec:" .. h.identifier, "sec", number, h.identifier, name)
  end
  return h
end

local function mark(raw)
  if common.comment(raw) == "appendix" then
    appendix, sections = true, {}
    return {}
  end
end

local function unknown(written)
  local there = table.concat(order, ", ")
  common.problem(written, "unknown reference " .. written ..
    (there ~= "" and " (labels: " .. there .. ")" or " (there are no labels)"))
  return pandoc.Str("?")
end

-- The text of a reference: what is written before the label stands for the name of its kind.
local function reference(citation)
  local ref = known[label_of(citation.id)]
  if not ref then return {unknown("@" .. citation.id)} end
  local bare = citation.mode == "SuppressAuthor" or #citation.prefix > 0
  local out = pandoc.List(citation.prefix)
  if #out > 0 then out:insert(pandoc.Str("\u{a0}")) end
  out:insert(pandoc.Link({pandoc.Str(bare and ref.number or ref.name .. "\u{a0}" .. ref.number)}, "#" .. ref.id))
  local suffix = citation.suffix
  if #suffix > 0 and suffix[1].t ~= "Space" and not (suffix[1].text or ""):match("^%p") then out:insert(pandoc.Space()) end
  out:extend(suffix)
  return out
end

-- `@fig-2020` may be a publication; what is defined in the document is a label.
local published
local function is_publication(id, doc)
  if published == nil then
    published = {}
    for _, entry in ipairs(pandoc.utils.references(doc)) do published[entry.id] = true end
  end
  return published[id]
end

-- \ref{a}, or [](#a) without words: labels have any name there.
local kinds = {"fig", "tbl", "eq", "sec", "lst"}
local function numbered_reference(span)
  if not span.classes:includes("reference") then return nil end
  local label, form = span.attributes.label, span.attributes.form
  local ref = known[label_of(label)]
  for _, kind in ipairs(kinds) do ref = ref or known[kind .. ":" .. label] end
  if not ref then return unknown(span.attributes.source) end
  local text = form == "name" and ref.name .. "\u{a0}" .. ref.number or form == "brackets" and "(" .. ref.number .. ")" or ref.number
  return pandoc.Link({pandoc.Str(text)}, "#" .. ref.id)
end

local function is_reference(id, doc)
  local kind, label = common.kind(id)
  return kind ~= nil and (known[label] ~= nil or id:match(":") ~= nil or not is_publication(id, doc))
end

local function cite(doc)
  return function(c)
    local out = pandoc.List()
    for i, one in ipairs(c.citations) do
      if not is_reference(one.id, doc) then
        if i > 1 then common.problem("@" .. one.id, "keep references to labels and citations in brackets of their own") end
        return nil
      end
      if i > 1 then out:extend {pandoc.Str ",", pandoc.Space()} end
      out:extend(reference(one))
    end
    return out
  end
end

-- The bibliography follows its heading, wherever that is; without one it gets one at the end.
local titles = {references = true, bibliography = true, literature = true}
for _, english in ipairs {"References", "Bibliography"} do titles[pandoc.text.lower(common.word(english))] = true end
local function place_bibliography(doc)
  for i, block in ipairs(doc.blocks) do
    if block.t == "Div" and block.identifier == "refs" then return end
    if block.t == "Header" and titles[pandoc.text.lower(pandoc.utils.stringify(block.content))] then
      block.classes:insert("unnumbered")
      doc.blocks:insert(i + 1, pandoc.Div({}, pandoc.Attr("refs")))
      return
    end
  end
  doc.meta["reference-section-title"] = common.word("References")
end

function Pandoc(doc)
  place_bibliography(doc)
  doc:walk {Cite = function(c) for _, one in ipairs(c.citations) do cited[label_of(one.id)] = true end end}
  doc = doc:walk {Inlines = equations}
  doc = doc:walk {
    traverse = "topdown", Figure = number_figure, Table = number_table, Header = number_header,
    RawBlock = mark, Span = number_equation,
    Div = function(d) if d.classes:includes("subfigures") then return subfigures(d) end end,
  }
  return doc:walk {Cite = cite(doc), Span = numbered_reference}
end
