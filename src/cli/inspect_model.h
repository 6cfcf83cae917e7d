// The part of `gannet inspect` that knows models: hyper-parameters, what each layer is, bytes read per token.
#pragma once

#include <string>

#include "gguf/gguf.h"

namespace gannet {

// Errors: why the file is no runnable model.
Result<std::string> inspect_model(const GgufFile& file);

}  // namespace gannet
