-- Cuts a presentation into slides, for Typst and for the page: one for each heading of level 1 (a part) or 2, or after a rule.
-- <div class="notes"> goes to the speaker; <div class="incremental"> emphasises its items in turn.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local function raw(text) return pandoc.RawBlock("typst", text) end

local function new_slide(title, level)
  return {title = title, level = level, body = pandoc.List(), notes = pandoc.List()}
end

local function is_pause(b) return b.t == "Para" and pandoc.utils.stringify(b) == ". . ." end

local function cut(blocks)
  local slides, current = pandoc.List(), nil
  for _, b in ipairs(blocks:filter(function(b) return not is_pause(b) end)) do
    if b.t == "Header" and b.level <= 2 then
      current = new_slide(b.content, b.level)
      slides:insert(current)
    elseif b.t == "HorizontalRule" then
      current = new_slide(pandoc.Inlines {}, 2)
      slides:insert(current)
    else
      if not current then
        current = new_slide(pandoc.Inlines {}, 2)
        slides:insert(current)
      end
      local notes = b.t == "Div" and b.classes:includes("notes")
      if notes then current.notes:extend(b.content) else current.body:insert(b) end
    end
  end
  return slides
end

local function steps_of(slide)
  local steps = 1
  pandoc.Div(slide.body):walk {Div = function(d)
    if d.classes:includes("incremental") then
      for _, b in ipairs(d.content) do
        if b.t == "BulletList" or b.t == "OrderedList" then steps = math.max(steps, #b.content) end
      end
    end
  end}
  return steps
end

-- All items but one are dimmed.
local function at_step(blocks, step)
  local function dim(list)
    for i, item in ipairs(list.content) do
      if i ~= step then list.content[i] = common.blocks(raw("#dimmed["), item, raw("]")) end
    end
    return list
  end
  return pandoc.Div(blocks):walk {Div = function(d)
    if d.classes:includes("incremental") then
      return d:walk {BulletList = dim, OrderedList = dim}
    end
  end}.content
end

local function is_empty(slide)
  for _, b in ipairs(slide.body) do if not common.comment(b) then return false end end
  return true
end

-- A figure without a size of its own takes the room that is left.
local function takes_room(block)
  local i = common.lone_image(block)
  if block.t == "Figure" and #block.content == 1 then i = common.lone_image(block.content[1]) end
  return i and not (i.attributes.width or i.attributes.height) and i or nil
end

-- One figure and some text stand side by side; Typst sees whether the text fits there.
local words = {Para = true, Plain = true, BulletList = true, OrderedList = true, DefinitionList = true, BlockQuote = true, Div = true}
local function set_beside(slide)
  local text, figure = pandoc.List(), nil
  for _, b in ipairs(slide.body) do
    if takes_room(b) then
      if figure then return end
      figure = b
    elseif not common.comment(b) then
      if not words[b.t] or b.t == "Div" and (b.classes:includes("columns") or b.identifier == "refs") then return end
      text:insert(b)
    end
  end
  if figure and #text > 0 then
    slide.body = pandoc.List {pandoc.Div({pandoc.Div(text, {class = "words"}), pandoc.Div({figure}, {class = "picture"})}, {class = "beside"})}
  end
end

-- Words alone may grow, and stand in the middle.
local function is_loose(slide)
  local loose = true
  local function fixed() loose = false end
  pandoc.Div(slide.body):walk {
    Image = fixed, CodeBlock = fixed, Div = function(d) if d.identifier == "refs" then fixed() end end,
  }
  return loose
end

local function emit(slide, number)
  local out = pandoc.List()
  local part = slide.level == 1 and is_empty(slide)
  local title = pandoc.utils.stringify(slide.title)
  local steps, loose = steps_of(slide), is_loose(slide)
  for step = 1, steps do
    out:insert(raw(('#slide(number: %d, step: %d, last: %s, part: %s, loose: %s, name: %s, title: ['):format(
      number, step, tostring(step == steps), tostring(part), tostring(loose), common.quoted(title))))
    out:insert(pandoc.Plain(slide.title))
    out:insert(raw("], notes: ["))
    if step == steps then out:extend(slide.notes) end
    out:insert(raw("])["))
    out:extend(steps > 1 and at_step(slide.body, step) or slide.body)
    out:insert(raw("]"))
  end
  return out
end

-- For the page: a section for each slide; the notes unfold.
local function section(slide)
  local out = pandoc.List()
  if #slide.title > 0 then out:insert(pandoc.Header(1, slide.title)) end
  out:extend(pandoc.Blocks(slide.body):walk {Header = function(h) return pandoc.Header(2, h.content, {id = h.identifier}) end})
  if #slide.notes > 0 then
    local name = common.word("Note"):gsub("^Note$", "Notes")
    local open = '<details class="notes"><summary>' .. name .. "</summary>"
    out:extend(common.blocks(pandoc.RawBlock("html", open), slide.notes, pandoc.RawBlock("html", "</details>")))
  end
  local part = slide.level == 1 and is_empty(slide)
  return {pandoc.Div(out, {class = "section slide" .. (part and " part" or is_loose(slide) and " loose" or "")})}
end

function Pandoc(doc)
  local out = pandoc.List()
  local write = FORMAT:match("html") and section or emit
  for i, slide in ipairs(cut(doc.blocks)) do
    set_beside(slide)
    out:extend(write(slide, i + 1))
  end
  doc.blocks = out
  return doc
end
