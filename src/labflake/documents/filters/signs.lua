-- The hyphen before a number is a minus, in the page as in the PDF: -0.07, (-3), x=-1. It is none in dates and words.
local breaks = {Space = true, SoftBreak = true, LineBreak = true}

local function minus(text)
  text = text:gsub("(%d[eE])%-(%d)", "%1\u{2212}%2"):gsub("^([%(%[]*)%-(%.?%d)", "%1\u{2212}%2")
  return (text:gsub("([=<>\u{2264}\u{2265}\u{2248}\u{00b1}\u{2013}/]%(?)%-(%.?%d)", "%1\u{2212}%2"))
end

local function signs(inlines)
  local changed
  for i, each in ipairs(inlines) do
    if each.t == "Str" and (i == 1 or breaks[inlines[i - 1].t]) then
      local text = minus(each.text)
      if text ~= each.text then each.text, changed = text, true end
    end
  end
  return changed and inlines or nil
end

function Pandoc(doc)
  return doc:walk {Inlines = signs}
end
