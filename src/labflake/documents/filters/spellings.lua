-- References as other systems spell them: links without words (MyST), {ref}`x` (MyST), \@ref(fig:x) (bookdown).
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

-- A link without words shows nothing; to a label it is a reference.
local function link(l)
  local shown = pandoc.utils.stringify(l.content):match("%S")
  local function show() shown = true end
  if not shown then l.content:walk {Image = show, Math = show, Code = show} end
  if shown or l.classes:includes("uri") then return nil end
  local label = l.target:match("^#(.+)$")
  if label then return common.reference(label, "name", "[](" .. l.target .. ")") end
  if l.target == "" and l.identifier ~= "" then return pandoc.Span({}, pandoc.Attr(l.identifier)) end
  common.problem("(" .. l.target .. ")", ("this link has no words, so nobody would see it: [](%s)"):format(l.target))
end

-- `Figure \@ref(fig:x)`
local function bookdown(text)
  if text:match("^%(ref:[%w-]+%)$") then common.problem(text, "write the words themselves in the place of " .. text) end
  local before, label, after = text:match("^(.-)@ref%(([^()]+)%)(.*)$")
  if not label then return pandoc.List {pandoc.Str(text)} end
  local form = label:match("^eq:") and "brackets" or "number"
  local out = pandoc.List {common.reference(label, form, "\\@ref(" .. label .. ")")}
  if before ~= "" then out:insert(1, pandoc.Str(before)) end
  if after ~= "" then out:extend(bookdown(after)) end
  return out
end

local function str(s)
  if s.text:match("^:::+") then
    common.problem(s.text, "this " .. s.text:match("^:+") .. " begins or ends nothing: leave a blank line before it")
  end
  if s.text:find("@ref(", 1, true) or s.text:match("^%(ref:") then return bookdown(s.text) end
end

local function cited(keys, mode)
  local citations = pandoc.List()
  for key in keys:gmatch("[^,%s]+") do citations:insert(pandoc.Citation(key, mode)) end
  return pandoc.Cite({}, citations)
end

local function referring(form, role)
  return function(text)
    local words, label = text:match("^(.-)%s*<([^<>]+)>$")
    if words and words ~= "" and not words:find("%%s") and not words:find("{", 1, true) then
      return pandoc.Link(words, "#" .. label)
    end
    return not words and common.reference(text, form, ("{%s}`%s`"):format(role, text)) or nil
  end
end

local roles = {
  ref = referring("name", "ref"), numref = referring("name", "numref"), eq = referring("brackets", "eq"),
  cite = function(text) return cited(text, "NormalCitation") end,
  math = function(text) return pandoc.Math("InlineMath", text) end,
  sub = function(text) return pandoc.Subscript(text) end, sup = function(text) return pandoc.Superscript(text) end,
  code = function(text) return pandoc.Code(text) end, kbd = function(text) return pandoc.Code(text) end,
}
roles["cite:p"], roles["cite:t"] = roles.cite, function(text) return cited(text, "AuthorInText") end
roles.subscript, roles.superscript = roles.sub, roles.sup

-- {role}`text` of MyST.
local function with_roles(inlines)
  local changed
  for i = #inlines - 1, 1, -1 do
    local str, code = inlines[i], inlines[i + 1]
    local before, name = (str.t == "Str" and str.text or ""):match("^(.-){([%a][%w:_-]*)}$")
    if name and code.t == "Code" and #code.classes == 0 and not code.text:match(common.mark) then
      local found = roles[name] and roles[name](code.text)
      if not found then
        local written = ("{%s}`%s`"):format(name, code.text)
        common.problem(written, "no format knows what this means: " .. written)
      end
      inlines[i + 1] = found or code
      if before ~= "" then inlines[i] = pandoc.Str(before) else inlines:remove(i) end
      changed = true
    end
  end
  return changed and inlines or nil
end

function Pandoc(doc)
  return doc:walk {Inlines = with_roles}:walk {Link = link, Str = str}
end
