// What the server says about itself: settings, what goes on in it, and counters.
#pragma once

#include <string>

#include "serve/model_pool.h"

namespace gannet {

// Bodies of /props and /slots in the shapes of llama.cpp's server.
std::string write_props(ModelService& service, const ModelCard& card, const std::string& version);
// With no model loaded.
std::string write_props_asleep(const std::string& version);
std::string write_slots(ModelService& service);
// Body of /metrics, in the text format of Prometheus, of all loaded models together: llama.cpp's names,
// vLLM's, and our own where those have none.
std::string write_metrics(const ModelPool& pool);

}  // namespace gannet
