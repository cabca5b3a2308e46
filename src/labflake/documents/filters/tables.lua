-- Cell outputs become what they show: HTML tables become real tables, captions go where they belong.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local function text_of(cell)
  return pandoc.utils.stringify(pandoc.Pandoc(cell.contents))
end

-- pandas writes the names of index and columns as two header rows: fold them where that is lossless.
local function fold_header(t)
  local rows = t.head.rows
  if #rows ~= 2 then return end
  for i, cell in ipairs(rows[1].cells) do
    local other = rows[2].cells[i]
    if cell.col_span > 1 or not other or (text_of(cell) == "") == (text_of(other) == "") then return end
  end
  for i, cell in ipairs(rows[1].cells) do
    if text_of(cell) == "" then rows[1].cells[i] = rows[2].cells[i] end
  end
  t.head.rows = {rows[1]}
end

-- The name of all columns stands above them, and not where the names of the rows begin.
local function head_columns(t)
  local rows = t.head.rows
  if #rows ~= 2 or #rows[1].cells ~= #rows[2].cells then return end
  local names, last = rows[2].cells, 0
  for i, cell in ipairs(names) do
    if cell.col_span > 1 or rows[1].cells[i].col_span > 1 then return end
    if text_of(cell) ~= "" then last = i end
  end
  if last == 0 or last == #names or text_of(rows[1].cells[last]) == "" then return end
  for i, cell in ipairs(names) do
    if (text_of(cell) == "") ~= (i > last) then return end
  end
  local above = rows[1].cells[last]
  rows[2].cells = names:map(function(cell, i) return i > last and rows[1].cells[i] or cell end)
  rows[1].cells = pandoc.List()
  for i = 1, last do rows[1].cells:insert(pandoc.Cell({})) end
  rows[1].cells:insert(pandoc.Cell(above.contents, "AlignCenter", 1, #names - last))
end

-- The looks of a cell or a word: its style for the page, the attributes of Typst for the PDF.
local function dressed(attributes)
  local kept = {}
  for key, value in pairs(attributes) do
    if key == "style" or key:match("^typst:") then kept[key] = value end
  end
  return pandoc.Attr("", {}, kept)
end

local function plain_cells(rows)
  for _, row in ipairs(rows) do
    for _, cell in ipairs(row.cells) do
      if cell.col_span > 1 and cell.alignment == "AlignDefault" then cell.alignment = "AlignCenter" end
      cell.attr = dressed(cell.attributes)
    end
    row.attr = pandoc.Attr()
  end
end

local function plain_table(t)
  t.attr = pandoc.Attr()
  for _, body in ipairs(t.bodies) do
    plain_cells(body.body)
    body.attr = pandoc.Attr()
  end
  plain_cells(t.head.rows)
  plain_cells(t.foot.rows)
  fold_header(t)
  head_columns(t)
  return t
end

local function from_html(raw)
  if raw.format ~= "html" or not raw.text:match("^<!%-%-output%-%->") then return nil end
  local doc = pandoc.Pandoc(pandoc.read(raw.text, "html").blocks)
  return doc:walk {
    Table = plain_table,
    Span = function(s) s.attr = dressed(s.attributes) return s end,
    Div = function(d) return d.content end,
    RawBlock = function() return {} end,
  }.blocks
end

-- A figure that moves travels with its picture, and so has its number, too.
local function moving(div)
  local kept, file = pandoc.List(), nil
  for _, b in ipairs(div.content) do
    if b.t == "RawBlock" then file = b.text:match("^<!%-%-file (%S+)%-%->") else kept:insert(b) end
  end
  return kept:map(function(b) return b:walk {Image = function(i) i.attributes.moving = file return i end} end)
end

-- Columns without an alignment: numbers to the right, everything else to the left.
local function is_number(text)
  text = text:gsub("−", "-"):gsub("[, %%±×]", ""):gsub("\u{a0}", "")
  return text == "" or tonumber(text) ~= nil or text:match("^[Nn]a[Nn]$") ~= nil or text == "…" or text == "..."
end

local function align(t)
  local open = t.colspecs:find_if(function(spec) return spec[1] == "AlignDefault" end)
  if not open then return nil end
  local numbers = {}
  for _, body in ipairs(t.bodies) do
    for _, row in ipairs(body.body) do
      local column = 1
      for _, cell in ipairs(row.cells) do
        if not is_number(text_of(cell)) then numbers[column] = false end
        column = column + cell.col_span
      end
    end
  end
  for i, spec in ipairs(t.colspecs) do
    if spec[1] == "AlignDefault" then
      t.colspecs[i] = {numbers[i] == false and "AlignLeft" or "AlignRight", spec[2]}
    end
  end
  return t
end

local function dress(image, attributes)
  for _, key in ipairs {"width", "alt"} do
    if attributes[key] and not image.attributes[key] then image.attributes[key] = attributes[key] end
  end
  return image
end

-- The outputs of a cell with a caption or a label: the first table, figure or listing gets both.
local function captioned(div)
  local caption, used = pandoc.Inlines {}, false
  local out = pandoc.List()
  for _, b in ipairs(div.content) do
    local image = common.lone_image(b)
    if b.t == "Div" and b.classes:includes("caption") then
      caption = pandoc.utils.blocks_to_inlines(b.content)
    elseif not used and b.t == "Table" then
      b.caption, b.attr, used = {long = {pandoc.Plain(caption)}}, pandoc.Attr(div.identifier), true
      out:insert(b)
    elseif not used and image then
      used = true
      local body = {pandoc.Plain {dress(image, div.attributes)}}
      out:insert(pandoc.Figure(body, {long = {pandoc.Plain(caption)}}, pandoc.Attr(div.identifier)))
    elseif not used and div.classes:includes("listing") then
      used = true
      out:insert(pandoc.Figure({b}, {long = {pandoc.Plain(caption)}}, pandoc.Attr(div.identifier, {"listing"})))
    else
      out:insert(b)
    end
  end
  if not used then
    local needle = div.identifier ~= "" and div.identifier or pandoc.utils.stringify(caption)
    common.problem(needle, "this cell has a label or a caption, but it shows no table or figure")
  end
  return out, false
end

local function drawn(div)
  return div:walk {Image = function(i) return dress(i, div.attributes) end}.content
end

-- ``` {.r #lst:fit caption="…"} is a listing, too.
local function listing(code)
  if common.kind(code.identifier) ~= "lst" then return nil end
  local written = code.attributes.caption or code.attributes["lst-cap"] or ""
  local caption = pandoc.read(written, "markdown").blocks
  local attr = pandoc.Attr(code.identifier, {"listing"})
  code.identifier, code.attributes = "", {}
  return pandoc.Figure({code}, {long = caption}, attr)
end

function Pandoc(doc)
  doc = doc:walk {RawBlock = from_html}
  doc = doc:walk {Div = function(div) if div.classes:includes("interactive") then return moving(div) end end}
  doc = doc:walk {traverse = "topdown", CodeBlock = listing, Div = function(div)
    if div.classes:includes("captioned") or div.classes:includes("listing") then return captioned(div) end
    if div.classes:includes("drawn") then return drawn(div) end
  end}
  return doc:walk {Table = align}
end
