// What was measured on this machine with a model, kept between runs in a file of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "speculation/acceptance.h"
#include "speculation/costs.h"

namespace gannet {

struct TunedSettings {  // what `gannet tune` found best; 0: nothing
  int n_threads = 0, n_threads_batch = 0, n_ubatch = 0;
};

struct Profile {
  TunedSettings settings;
  CostTable costs;
  AcceptanceTable acceptance;
  std::vector<std::pair<int32_t, uint32_t>> tokens;  // how often ids were seen in texts
};

// $GANNET_PROFILES, else $XDG_CACHE_HOME/gannet/profiles, else ~/.cache/gannet/profiles. Empty: none are kept
// (the variable is empty, or there is no home).
std::string profile_folder();
// The name of the file for a model on this machine: `model` is a fingerprint of the file (its name does not
// matter), `machine` names what else times depend on: processor, number of threads, ...
std::string profile_path(const std::string& folder, const std::string& model, const std::string& machine);

// Nothing when there is no such file; Errors: kRuntime for one that cannot be read or is not a profile (the
// message names the file and says that it can be deleted).
Result<std::optional<Profile>> load_profile(const std::string& path);
// Makes the folder of this file, and those that it is in. Errors: kOutput.
Result<void> make_profile_folder(const std::string& path);
// Whole or not at all; makes the folder. Processes that end at the same time: the last one wins.
Result<void> store_profile(const std::string& path, const Profile& profile);

}  // namespace gannet
