// The chat template of a model file.
#pragma once

#include <optional>
#include <string_view>

#include "chat/chat_template.h"
#include "gguf/gguf.h"
#include "text/tokenizer.h"

namespace gannet {

// `source`, or for an empty one what the file holds; "chatml", and files without a template whose vocabulary
// has ChatML's tokens, get ChatML; others none. Errors: those of ChatTemplate::make() and of the file's
// value.
Result<std::optional<ChatTemplate>> model_template(const GgufFile& file, const Tokenizer& tokenizer,
                                                   std::string_view source = {});

}  // namespace gannet
