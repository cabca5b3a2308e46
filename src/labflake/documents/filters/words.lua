-- Words for Typst: long ones may break anywhere, and what Typst would write otherwise is escaped.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local function inline(text) return pandoc.RawInline("typst", text) end

local function is_letter(code)
  return code >= 48 and code <= 57 or code >= 65 and code <= 90 or code == 95 or code >= 97 and code <= 122
    or code >= 0xc0 and code < 0x530
end

-- A word longer than a line may break anywhere.
local function long_word(s)
  if #s.text < 60 then return nil end
  local out, run = pandoc.List(), ""
  local function flush()
    local long = pandoc.text.len(run) >= 60
    if run ~= "" then out:insert(long and inline(("#broken(%s);"):format(common.quoted(run))) or pandoc.Str(run)) end
    run = ""
  end
  local others = ""
  for _, code in utf8.codes(s.text) do
    local character = utf8.char(code)
    if is_letter(code) then
      if others ~= "" then out:insert(pandoc.Str(others)) others = "" end
      run = run .. character
    else
      flush()
      others = others .. character
    end
  end
  flush()
  if others ~= "" then out:insert(pandoc.Str(others)) end
  return out
end

-- What Typst would write otherwise: `...`, `--` and `-?`.
local letter_by_letter
function letter_by_letter(s)
  local start = s.text:find("%.%.%.") or s.text:find("%-[-?]")
  if not start then return nil end
  local out = pandoc.List {inline("\\" .. s.text:sub(start, start))}
  if start > 1 then out:insert(1, pandoc.Str(s.text:sub(1, start - 1))) end
  local rest = pandoc.Str(s.text:sub(start + 1))
  return out .. (letter_by_letter(rest) or {rest})
end

local function str(s)
  local words = long_word(s)
  if not words then return letter_by_letter(s) end
  local out = pandoc.List()
  for _, each in ipairs(words) do
    out:extend(each.t == "Str" and letter_by_letter(each) or {each})
  end
  return out
end

return str
