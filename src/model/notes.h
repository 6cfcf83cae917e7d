// What there is to say about a model file that runs: what the keys promise and the file does not hold, and
// what it holds beside the model.
#pragma once

#include <string>
#include <vector>

#include "gguf/gguf.h"
#include "model/hyperparameters.h"

namespace gannet {

struct ModelNote {
  std::string text;  // one sentence, fit for a terminal
  bool detail;  // of interest to those who ask (`inspect`, --verbose), not to everyone who runs the model
};

std::vector<ModelNote> model_notes(const GgufFile& file, const Hyperparameters& hp);

}  // namespace gannet
