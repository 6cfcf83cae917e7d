// Where the prompt of `gannet run` comes from: words, -p, -f or stdin, but only one of them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gannet {

struct PromptSource {
  std::vector<std::string> words;  // of the command line
  std::string text, file;          // -p, -f
  bool escape = false;             // -e
};

// The prompt; empty: there is none, and stdin is a terminal. `model_given`: without one the pocket model
// would answer, and a word that names a model is taken for a mistake. Errors: kUsage when several sources
// have a prompt, when it looks like the name of a file or of a model, or when there is none; those of
// reading.
Result<std::string> read_prompt(const PromptSource& source, bool model_given);

// What stdin holds, without reading it: text, nothing, or a pipe that has not said anything within a moment.
enum class Stdin { kNothing, kText, kSilentPipe };
Stdin look_at_stdin();

// "\n", "\t", "\r", "\\", "\"", "\'" and "\xNN" replaced by what they stand for; other backslashes stay.
std::string unescaped(const std::string& text);

// Whether a word is spelled like the name of a model in a registry: "qwen3:8b", "Qwen/Qwen3-8B-GGUF",
// "llama3.2"; when it is `alone`, also "mistral" and addresses.
bool looks_like_model_name(const std::string& word, bool alone);

}  // namespace gannet
