-- Attributes in braces that nothing has read: what they mean would be missing, so the author is told.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})
local set = common.set

-- Those of other systems that only say how something looks or behaves in a browser.
local looks = set [[
  startFrom startfrom linenos line-numbers start-line eval echo highlight autorun style dpi lightbox group loading
  longdesc decoding title columns number kind part float moving fig-scap fig-ncol
]]
local known = {
  image = "width, height, alt",
  listing = "filename; with a label {#lst:name} caption, too",
}
local read = {image = set "width height alt", listing = set "filename"}

local function check(kind, element)
  for key in pairs(element.attributes) do
    local harmless = looks[key] or key:match("^data%-") or key:match("^aria%-") or (key:match("^code%-") and key ~= "code-summary")
    if not read[kind][key] and not harmless then
      common.problem(key .. "=", ("unknown attribute of this %s: %s (known: %s)"):format(kind, key, known[kind]))
    end
  end
end

-- The name of a file stands above the code, on the same page.
local function code(c)
  check("listing", c)
  local name = c.attributes.filename
  if not name then return nil end
  c.attributes.filename = nil
  return {pandoc.Div({pandoc.Plain {pandoc.Strong {pandoc.Code(name)}}}, {class = "announcing"}), c}
end

local size = "%s=%s is no size: write 60%%, 8cm, 3in or 300px"
local function image(i)
  check("image", i)
  for _, key in ipairs {"width", "height"} do
    local written = i.attributes[key]
    local length = written and common.length(written)
    if written and not length then common.problem(key .. "=" .. written .. "\t" .. key .. '="' .. written .. '"', size:format(key, written)) end
    i.attributes[key] = length
  end
  if i.title ~= "" and #i.caption == 0 then
    common.problem('"' .. i.title .. '"', ('nobody would see the title "%s": write it in brackets, ![…](…)'):format(i.title))
  end
  return i
end

local texts = {"title", "summary", "caption", "name", "fig-cap", "tbl-cap", "lst-cap", "description"}
local function division(d)
  local width = d.classes:includes("column") and d.attributes.width
  if width and not common.length(width) then common.problem('width="' .. width .. '"\twidth=' .. width, size:format("width", width)) end
  if width then d.attributes.width = common.length(width) end
  for _, key in ipairs(texts) do
    if d.attributes[key] then
      common.problem(key .. "=", ("nothing shows %s= of this division: write it as a heading or a paragraph"):format(key))
    end
  end
  return d
end

local function heading(h)
  if h.attributes.visibility == "hidden" then
    common.problem("visibility=", "page and PDF show all that is written: remove it, or make it a comment <!-- … -->")
  end
end

function Pandoc(doc)
  return doc:walk {CodeBlock = code, Image = image, Div = division, Header = heading}
end
