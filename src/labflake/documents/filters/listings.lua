-- Code and what cells print, for Typst: in parts, since its time grows with the square of the lines of one.
local common = dofile(pandoc.path.join {pandoc.path.directory(PANDOC_SCRIPT_FILE), "common.lua"})

local function raw(text) return pandoc.RawBlock("typst", text) end

local function in_quotes(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", "\\n") .. '"'
end

-- Typst looks for the next long word within those that it has found, up to 512 deep, and lays out the
-- lines of one text in a time that grows with their square.
local most_lines, most_words, longest_line, width = 100, 200, 1000, 80

local function long_words(line)
  local count = 0
  for word in line:gmatch("[^%s/-]+") do if #word >= 25 then count = count + 1 end end
  return count
end

-- The lines of a text, very long ones broken as a terminal does it.
local function lines_of(text)
  local lines = pandoc.List()
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local start = 1
    while #line > longest_line and #line - start >= width do
      local stop = utf8.offset(line, width + 1, start) or #line + 1
      lines:insert(line:sub(start, stop - 1))
      start = stop
    end
    lines:insert(line:sub(start))
  end
  return lines
end

local function parts_of(text)
  local parts, lines, words = pandoc.List(), pandoc.List(), 0
  for _, line in ipairs(lines_of(text)) do
    local more = long_words(line)
    if #lines == most_lines or words + more > most_words and #lines > 0 then
      parts:insert(in_quotes(table.concat(lines, "\n")))
      lines, words = pandoc.List(), 0
    end
    lines:insert(line)
    words = words + more
  end
  parts:insert(in_quotes(table.concat(lines, "\n")))
  return parts
end

local function listing(c)
  local parts = parts_of(c.text)
  local language = c.classes[1] and common.quoted(c.classes[1]) or "none"
  if not c.classes:includes("output") then
    return #parts > 1 and {raw(("#parts((%s), lang: %s)"):format(table.concat(parts, ", "), language))} or nil
  end
  local name = c.classes:includes("stderr") and "stderr" or "output"
  local body = #parts > 1 and ("parts((%s))"):format(table.concat(parts, ", ")) or ("raw(block: true, %s)"):format(parts[1])
  return {raw(('#printed("%s", %s)'):format(name, body))}
end

return listing
