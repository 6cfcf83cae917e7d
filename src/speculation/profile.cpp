#include "speculation/profile.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/printable.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// Raised whenever the meaning of an entry changes: profiles of other versions are measured anew.
constexpr int kVersion = 1;

// Settings beyond these cannot be given as options either.
constexpr int kMostThreads = 4096, kMostUbatch = 1 << 16;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Steps as {"rows": [seconds, measurements]} by length of context; rows that were never measured are left
// out.
Json to_json(const CostTable::Data& data) {
  Json contexts = Json::array();
  for (const auto& cells : data.steps) {
    Json rows = Json::object();
    for (size_t i = 0; i < cells.size(); ++i)
      if (cells[i].n > 0) rows[std::to_string(CostTable::kRows[i])] = {cells[i].seconds, cells[i].n};
    contexts.push_back(std::move(rows));
  }
  Json drafts = Json::object();
  for (const CostTable::Draft& d : data.drafts)
    drafts[d.source] = {{"weight", d.weight}, {"n", d.n},   {"nn", d.nn},
                        {"t", d.t},           {"nt", d.nt}, {"measurements", d.measurements}};
  return {{"steps", std::move(contexts)}, {"drafts", std::move(drafts)}};
}

double number(const Json& json) {
  const double value = json.get<double>();
  if (!(value >= 0) || value > 1e12) throw std::out_of_range("a number is not one that is measured");
  return value;
}

int whole(const Json& json, int most) {
  const double value = number(json);
  if (value > most) throw std::out_of_range("a number is larger than can be");
  return static_cast<int>(value);
}

CostTable::Data costs_from(const Json& json) {
  CostTable::Data data;
  const Json& contexts = json.at("steps");
  for (size_t c = 0; c < data.steps.size() && c < contexts.size(); ++c)
    for (size_t i = 0; i < CostTable::kRows.size(); ++i) {
      const auto cell = contexts[c].find(std::to_string(CostTable::kRows[i]));
      if (cell == contexts[c].end()) continue;
      data.steps[c][i] = {number(cell->at(0)), static_cast<int64_t>(number(cell->at(1)))};
      if (!(data.steps[c][i].seconds > 0)) data.steps[c][i] = {};
    }
  for (const auto& [source, d] : json.at("drafts").items())
    data.drafts.push_back({source, number(d.at("weight")), number(d.at("n")), number(d.at("nn")),
                           number(d.at("t")), number(d.at("nt")),
                           static_cast<int64_t>(number(d.at("measurements")))});
  return data;
}

Json to_json(const AcceptanceTable& table) {
  Json sources = Json::object();
  for (const AcceptanceTable::Source& s : table.sources())
    sources[s.name] = {{"tested", s.counts.tested}, {"right", s.counts.right}};
  return sources;
}

std::vector<AcceptanceTable::Source> acceptance_from(const Json& json) {
  std::vector<AcceptanceTable::Source> sources;
  for (const auto& [name, entry] : json.items()) {
    AcceptanceTable::Source s{name, {}, 0};
    for (size_t p = 0; p < AcceptanceTable::kPlaces; ++p)
      for (size_t c = 0; c < AcceptanceTable::kClasses; ++c) {
        s.counts.tested[p][c] = static_cast<float>(number(entry.at("tested").at(p).at(c)));
        s.counts.right[p][c] =
            std::min(s.counts.tested[p][c], static_cast<float>(number(entry.at("right").at(p).at(c))));
      }
    sources.push_back(std::move(s));
  }
  return sources;
}

Json to_json(const std::vector<std::pair<int32_t, uint32_t>>& tokens) {
  Json ids = Json::array(), counts = Json::array();
  for (const auto& [id, count] : tokens) {
    ids.push_back(id);
    counts.push_back(count);
  }
  return {{"ids", std::move(ids)}, {"counts", std::move(counts)}};
}

std::vector<std::pair<int32_t, uint32_t>> tokens_from(const Json& json) {
  const Json &ids = json.at("ids"), &counts = json.at("counts");
  std::vector<std::pair<int32_t, uint32_t>> tokens;
  for (size_t i = 0; i < ids.size(); ++i)
    tokens.emplace_back(whole(ids.at(i), INT32_MAX), static_cast<uint32_t>(whole(counts.at(i), INT32_MAX)));
  return tokens;
}

}  // namespace

std::string profile_folder() {
  if (const char* folder = std::getenv("GANNET_PROFILES")) return folder;
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache + "/gannet/profiles";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.cache/gannet/profiles";
  return {};
}

std::string profile_path(const std::string& folder, const std::string& model, const std::string& machine) {
  std::string name = model + "-" + machine;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  return folder + "/" + name + ".json";
}

Result<std::optional<Profile>> load_profile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::optional<Profile>();
  if (!std::filesystem::is_regular_file(path, error))
    return Error(ErrorCode::kRuntime, fmt::format("the profile {} is not a file", printable(path)));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return Error(ErrorCode::kRuntime,
                 fmt::format("cannot read the profile {}; it can be deleted", printable(path)));
  try {
    const Json json = Json::parse(text.str());
    if (number(json.at("version")) != kVersion) return std::optional<Profile>();
    Profile profile;
    const Json& settings = json.at("settings");
    profile.settings = {whole(settings.at("threads"), kMostThreads),
                        whole(settings.at("threads_batch"), kMostThreads),
                        whole(settings.at("ubatch"), kMostUbatch)};
    profile.costs.restore(costs_from(json.at("costs")));
    profile.acceptance.restore(acceptance_from(json.at("acceptance")));
    if (const auto tokens = json.find("tokens"); tokens != json.end()) profile.tokens = tokens_from(*tokens);
    return std::optional<Profile>(std::move(profile));
  } catch (const std::exception& e) {
    return Error(ErrorCode::kRuntime, fmt::format("{} is not a profile ({}); it can be deleted",
                                                  printable(path), printable(e.what())));
  }
}

Result<void> make_profile_folder(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error)
    return Error(ErrorCode::kOutput,
                 fmt::format("cannot make the folder {}: {}; GANNET_PROFILES names another one",
                             printable(parent.string()), error.message()));
  return {};
}

Result<void> store_profile(const std::string& path, const Profile& profile) {
  const Json json = {{"version", kVersion},
                     {"settings",
                      {{"threads", profile.settings.n_threads},
                       {"threads_batch", profile.settings.n_threads_batch},
                       {"ubatch", profile.settings.n_ubatch}}},
                     {"costs", to_json(profile.costs.data())},
                     {"acceptance", to_json(profile.acceptance)},
                     {"tokens", to_json(profile.tokens)}};
  GANNET_TRY(make_profile_folder(path));
  return write_file(path, json.dump(1) + "\n");
}

}  // namespace gannet
