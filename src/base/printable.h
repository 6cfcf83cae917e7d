// Text of unknown origin made fit for one line of a terminal. File contents (keys, names, token texts,
// templates) may hold control sequences, line breaks or invalid UTF-8; nothing from a file is printed without
// passing through here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gannet {

// Valid UTF-8 is kept; control characters, direction overrides, line separators, quotes and backslashes are
// escaped (\n, \t, \", \\, \u{202e}) and bytes that are not UTF-8 appear as \xNN. Reads at most `limit` bytes
// of `text`; when more is there, " (+N bytes)" follows. The result has no quotes around it.
std::string printable(std::string_view text, size_t limit = 256);

// A whole message for the terminal, as it is: only what is not fit for it is escaped, as printable() does.
// Line breaks, quotes and backslashes stay, and nothing is cut off. A second net behind printable(), for
// paths and arguments.
std::string visible(std::string_view message);

// Whether printable() would keep every character, quotes and backslashes aside: names that are written to
// text files must.
bool fits_a_line(std::string_view text);

}  // namespace gannet
