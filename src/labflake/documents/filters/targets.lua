-- What is common to page and PDF up to here, and different from here on: looks of cells and words, figures that move.
local is_page = FORMAT:match("html") ~= nil

-- Of the looks of a cell or a word the page keeps its style, the PDF the attributes of Typst.
local function looks(element)
  local changed
  for key in pairs(element.attributes) do
    if is_page and key:match("^typst:") or not is_page and key == "style" then element.attributes[key], changed = nil, true end
  end
  return changed
end

local function table_(t)
  local changed
  local function rows(list)
    for _, row in ipairs(list) do
      for _, cell in ipairs(row.cells) do changed = looks(cell) or changed end
    end
  end
  rows(t.head.rows)
  for _, body in ipairs(t.bodies) do rows(body.body) end
  rows(t.foot.rows)
  return changed and t or nil
end

-- A figure that moves is for the page, its picture for the PDF.
local function moving(block)
  local image = #block.content == 1 and block.content[1]
  local file = image and image.t == "Image" and image.attributes.moving
  return file and pandoc.RawBlock("html", "<!--file " .. file .. "-->") or nil
end

local function picture(image)
  if not image.attributes.moving then return nil end
  image.attributes.moving = nil
  return image
end

function Pandoc(doc)
  doc = doc:walk {Span = function(s) return looks(s) and s or nil end, Table = table_}
  return doc:walk(is_page and {Para = moving, Plain = moving} or {Image = picture})
end
