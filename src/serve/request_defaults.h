// What requests get that say nothing about it: how the operator wants the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/generator.h"
#include "sample/params.h"

namespace gannet {

struct RequestDefaults {
  std::optional<SamplingParams> sampling;  // unset: the model file's; its seed does not count
  std::optional<uint64_t> seed;            // unset: drawn for each request
  bool ignore_eos = false;
  std::optional<std::vector<std::string>> dry_breakers;  // unset: the usual ones
  int64_t n_predict = -1;                                // -1: until the context is full
  std::vector<std::string> stop;                         // besides those of the request
  RepetitionRules repetition;

  std::optional<bool> thinking;  // unset: as the template has it
  std::optional<bool> preserve_thinking;
  nlohmann::ordered_json template_variables = nlohmann::ordered_json::object();
  int64_t thinking_budget = -1;
  std::string thinking_message;
  bool thoughts_in_content = false;  // of chat completions; other dialects have a place for thoughts

  bool cache_prompt = true;
};

}  // namespace gannet
