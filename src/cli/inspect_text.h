// `gannet inspect FILE`, the part that needs no knowledge of models: card, metadata, tensors, sizes by type.
#pragma once

#include <string>

#include "gguf/gguf.h"

namespace gannet {

// Text of several titled sections, every line ending with a newline. With `all`, values are shown in full
// length (arrays up to 64 elements, texts up to 4096 bytes) and every tensor is listed; without, long values
// are cut and only the first and last tensors are shown when there are more than 60.
std::string inspect_container(const GgufFile& file, bool all);

// The name of a `general.file_type` number ("Q4_K_M"); "" when unknown. It is a label of the file's maker:
// every tensor carries its own type.
std::string_view file_type_name(uint64_t file_type);

// "1.25 GiB", "640 B".
std::string human_bytes(uint64_t bytes);

}  // namespace gannet
