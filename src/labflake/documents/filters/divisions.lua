-- What fenced divisions (::: {…}) of Quarto and MyST mean: call-outs, figures with any content, rows. What no format can show is refused.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local function advise(d, what)
  common.problem(d.identifier ~= "" and "#" .. d.identifier or d.classes[1] or "layout", what)
end

local kinds = {note = "note", tip = "tip", important = "important", warning = "warning", caution = "caution"}

-- A call-out: its class, and a division with its title first.
local function callout(d, kind)
  local first, title = d.content[1], d.attributes.title
  local words = pandoc.Inlines {pandoc.Str(common.word(kind:gsub("^%l", string.upper)))}
  if first and first.classes and first.classes:includes("title") then
    d.content:remove(1)
  elseif title then
    words = pandoc.utils.blocks_to_inlines(pandoc.read(title, "markdown").blocks)
  elseif first and first.t == "Header" then
    words = d.content:remove(1).content
  end
  d.content:insert(1, pandoc.Div({pandoc.Para(words)}, {class = "title"}))
  return pandoc.Div(d.content, pandoc.Attr(d.identifier, {kind, "callout"}))
end

-- Images that share a paragraph are figures of their own.
local function parts_of(blocks)
  local parts, others = pandoc.List(), pandoc.List()
  for _, b in ipairs(blocks) do
    local images = (b.t == "Para" or b.t == "Plain") and b.content:filter(function(i) return i.t == "Image" end) or {}
    local rest = images[1] and b.content:filter(function(i) return i.t ~= "Image" and i.t ~= "Space" and i.t ~= "SoftBreak" end)
    if images[1] and #rest == 0 then
      for _, i in ipairs(images) do
        local attr = pandoc.Attr(i.identifier)
        i.identifier = ""
        parts:insert(pandoc.Figure({pandoc.Plain {i}}, {long = {pandoc.Plain(i.caption)}}, attr))
      end
    elseif b.t == "Figure" then
      parts:insert(b)
    elseif b.t == "Div" and b.identifier == "" and #b.classes == 0 then
      local inner, more = parts_of(b.content)
      parts:extend(inner)
      others:extend(more)
    elseif not common.comment(b) then
      others:insert(b)
    end
  end
  return parts, others
end

-- The caption of a division: its attribute, or its last paragraph.
local function take_caption(d, kind)
  for _, key in ipairs {kind .. "-cap", "caption"} do
    if d.attributes[key] then return pandoc.read(d.attributes[key], "markdown").blocks end
  end
  local last = d.content[#d.content]
  if #d.content > 1 and last.t == "Para" and not common.lone_image(last) then
    return {d.content:remove()}
  end
end

local function figure(d)
  local caption = take_caption(d, "fig")
  local parts, others = parts_of(d.content)
  local columns = d.attributes["layout-ncol"]
  if columns and not columns:match("^[1-9]%d?$") then return advise(d, "layout-ncol is a number of columns: layout-ncol=2") end
  if #parts == 1 and #others == 0 then
    local only = parts[1]
    if caption then
      local picture = common.lone_image(only.content[1])
      if picture and not picture.attributes.alt and #picture.caption == 0 then picture.attributes.alt = pandoc.utils.stringify(caption) end
      only.caption = {long = caption}
    end
    if #only.caption.long == 0 or pandoc.utils.stringify(only.caption.long) == "" then caption = nil else caption = only.caption.long end
    only.identifier = d.identifier
    if caption then return only end
  elseif #parts > 1 and #others == 0 and caption then
    parts:extend(caption)
    return pandoc.Div(parts, pandoc.Attr(d.identifier, {"subfigures"}, columns and {columns = columns} or {}))
  elseif caption and #d.content > 0 then
    return pandoc.Figure(d.content, {long = caption}, pandoc.Attr(d.identifier))
  end
  advise(d, "this figure has no caption: write it as the last paragraph of the division")
end

local function table_(d)
  local caption = take_caption(d, "tbl")
  local tables = d.content:filter(function(b) return b.t == "Table" end)
  if #tables ~= 1 or #d.content ~= 1 then
    advise(d, "one table and its caption, please: a label each for tables side by side")
    return nil
  end
  tables[1].identifier = d.identifier
  if caption then tables[1].caption = {long = caption} end
  return tables[1]
end

local function listing(d)
  local caption = take_caption(d, "lst")
  if #d.content == 1 and d.content[1].t == "CodeBlock" and caption then
    return pandoc.Figure(d.content, {long = caption}, pandoc.Attr(d.identifier, {"listing"}))
  end
  advise(d, "one listing and, as the last paragraph, its caption, please")
end

-- layout-ncol="2": as many blocks beside each other as there are columns.
local function rows(d)
  local parts, others = parts_of(d.content)
  parts:extend(others)
  local wanted = tonumber(d.attributes["layout-ncol"])
  local lines = tonumber(d.attributes["layout-nrow"])
  local columns = wanted or lines and math.ceil(#parts / lines)
  if not columns or columns < 1 then
    advise(d, "how many columns? write layout-ncol=2, or <div class=\"columns\"> with widths")
    return nil
  end
  local out = pandoc.List()
  for first = 1, #parts, columns do
    local row = pandoc.List()
    for i = first, first + columns - 1 do row:insert(pandoc.Div({parts[i]}, {class = "column"})) end
    out:insert(pandoc.Div(row, {class = "columns"}))
  end
  return out
end

-- Tabs follow each other, each below its title, as on paper.
local function tabs(d)
  local out = pandoc.List()
  for _, b in ipairs(d.content) do out:insert(b.t == "Header" and pandoc.Para {pandoc.Strong(b.content)} or b) end
  return out
end

local refused = {
  {"^content%-", "page and PDF show the same: write it without this division"},
  {"^hidden$", "page and PDF show all that is written: remove it, or make it a comment <!-- … -->"},
  {"^column%-margin$", "there is no margin for text: make it a footnote, ^[…]"},
  {"^aside$", "there is no margin for text: make it a footnote, ^[…]"},
  {"^panel%-", "no format has this panel: write headings or <div class=\"columns\">"},
  {"^callout", "a call-out is note, tip, important, warning or caution: ::: {.callout-note}"},
}
local theorem = "it would be shown without its name: write \\begin{theorem} … \\end{theorem}"
for word in ("theorem lemma proposition corollary definition conjecture"):gmatch("%a+") do
  table.insert(refused, {"^" .. word .. "$", theorem})
end
local labels = {}
for word in ("thm lem cor prp cnj def exm exr sol rem alg"):gmatch("%a+") do labels[word] = true end

local function refuse(d)
  if labels[d.identifier:match("^(%a+)[-:]")] then return advise(d, theorem) end
  for _, class in ipairs(d.classes) do
    for _, each in ipairs(refused) do
      if class:match(each[1]) then return common.problem(class, each[2]) end
    end
  end
  if d.attributes.layout then advise(d, "how many columns? write layout-ncol=2, or <div class=\"columns\"> with widths") end
end

local function division(d)
  local class = d.classes[1] or ""
  local kind = kinds[class:match("^callout%-(%a+)$") or class]
  if kind then return callout(d, kind) end
  if d.classes:includes("panel-tabset") then return tabs(d) end
  if d.classes:includes("subfigures") then return nil end
  local of = common.kind(d.identifier)
  if of == "fig" then return figure(d) end
  if of == "tbl" then return table_(d) end
  if of == "lst" then return listing(d) end
  if d.attributes["layout-ncol"] or d.attributes["layout-nrow"] then return rows(d) end
  refuse(d)
end

-- Descriptions and labels as others spell them.
local function image(i)
  local alt = i.attributes["fig-alt"] or i.attributes["fig.alt"]
  if alt then i.attributes.alt = i.attributes.alt or alt end
  for _, key in ipairs {"fig-alt", "fig.alt", "fig-align", "fig-pos", "fig-env"} do i.attributes[key] = nil end
  return i
end

-- `(\#tab:x) Caption` of bookdown.
local function named(element)
  local first = element.caption.long[1]
  local word = first and first.content and first.content[1]
  local label = word and word.t == "Str" and word.text:match("^%(#(%a+:[%w_-]+)%)$")
  if label and element.identifier == "" then
    element.identifier = common.label(label)
    first.content:remove(1)
    if first.content[1] and first.content[1].t == "Space" then first.content:remove(1) end
  end
  return element
end

function Pandoc(doc)
  return doc:walk {Image = image, Table = named, Figure = named}:walk {Div = division}
end
