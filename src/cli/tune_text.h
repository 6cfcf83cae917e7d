// What was measured, for people and for programs.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/tuner.h"

namespace gannet {

// What was tried, what is best, and why.
std::string tune_text(const TuneResult& result);
nlohmann::ordered_json tune_json(const TuneResult& result);

// What steps and drafts cost by a table, and from which acceptance on drafts pay, if steps of several rows
// were measured. Empty where it has nothing.
std::string costs_text(const CostTable& costs);
nlohmann::ordered_json costs_json(const CostTable& costs);

nlohmann::ordered_json settings_json(const TunedSettings& settings);

}  // namespace gannet
