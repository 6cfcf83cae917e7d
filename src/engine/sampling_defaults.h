// What a model file says about sampling: its general.sampling.* keys. They stand in for our own defaults;
// whoever asks for something else by an option or in a request is asked first.
#pragma once

#include <string>
#include <vector>

#include "gguf/gguf.h"
#include "model/notes.h"
#include "sample/params.h"
#include "text/vocabulary.h"

namespace gannet {

struct SamplingDefaults {
  SamplingParams params;  // our defaults, with what the file says
  // What it says, as a user reads it ("temp 0.6"), in the order of the file format's description.
  std::vector<std::string> said;
  // Whole sentences about values that cannot be; ours are used in their place.
  std::vector<std::string> warnings;
};

SamplingDefaults read_sampling_defaults(const GgufFile& file);
// Both as notes; what is said is a detail.
std::vector<ModelNote> sampling_notes(const GgufFile& file);

// Tokens that end an answer are never drawn.
void forbid_ends(SamplingParams& params, const Vocabulary& vocabulary);

}  // namespace gannet
