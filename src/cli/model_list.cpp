#include "cli/model_list.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/property_tree/ini_parser.hpp>

#include "base/memory_room.h"
#include "base/printable.h"
#include "cli/input_text.h"
#include "cli/say.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

// What a model takes besides its file: states, plans.
constexpr int64_t kBesideFile = int64_t{512} << 20;

using Preset = std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>>;

// Sections and their settings, in their order; settings in front of the first section are for all models.
Result<Preset> read_preset(const std::string& path) {
  auto text = read_text(path);
  if (!text.ok()) return text.take_error().with_context("--models-preset");
  boost::property_tree::ptree tree;
  try {
    std::istringstream stream(*text);
    boost::property_tree::read_ini(stream, tree);
  } catch (const boost::property_tree::ini_parser_error& error) {
    return Error(ErrorCode::kUsage, fmt::format("--models-preset: {}, line {}: {}", printable(path),
                                                error.line(), error.message()));
  }
  Preset preset;
  preset.emplace_back("*", std::vector<std::pair<std::string, std::string>>());
  for (const auto& [name, section] : tree) {
    if (section.empty()) {
      preset.front().second.emplace_back(name, section.data());
      continue;
    }
    auto& settings = name == "*" ? preset.front().second
                                 : preset.emplace_back(name, Preset::value_type::second_type()).second;
    for (const auto& [key, value] : section) settings.emplace_back(key, value.data());
  }
  return preset;
}

bool is_called(const Option& option, const std::string& key) {
  const std::vector<std::string> names = option_names(option), variables = environment_names(option);
  return std::ranges::any_of(names,
                             [&](const std::string& n) { return n == "--" + key || n == "-" + key; }) ||
         std::ranges::any_of(variables,
                             [&](const std::string& n) { return key == n || key == "LLAMA_ARG_" + n; });
}

// The value that an option has now; empty: none.
std::string value_of(const Option& option) {
  return std::visit(
      [&](auto* target) -> std::string {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, bool>)
          return *target ? "on" : "off";
        else if constexpr (std::is_arithmetic_v<T>)
          return fmt::format("{}", *target);
        else if constexpr (std::is_same_v<T, std::string>)
          return *target;
        else if constexpr (std::is_same_v<T, std::vector<std::string>>)
          return fmt::format("{}", fmt::join(*target, "\n"));
        else
          return target->has_value() ? fmt::format("={}", **target) : "";
      },
      option.target);
}

// What the command line says stays: it differs from what there is without it.
Result<void> apply(ServedModelFlags& flags, const ServedModelFlags& command_line, const std::string& where,
                   const std::vector<std::pair<std::string, std::string>>& settings) {
  ServedModelFlags none, said = command_line;
  Options options, defaults, typed;
  add_served_model_options(options, flags);
  add_served_model_options(defaults, none);
  add_served_model_options(typed, said);
  for (const auto& [key, value] : settings) {
    const auto found = std::ranges::find_if(options, [&](const Option& o) { return is_called(o, key); });
    if (found == options.end())
      return Error(ErrorCode::kUsage,
                   fmt::format("{}: {} is no option of a model; `gannet serve --help` lists them", where,
                               printable(key)));
    const auto i = static_cast<size_t>(found - options.begin());
    if (value_of(defaults[i]) != value_of(typed[i])) continue;
    GANNET_TRY(set_option(*found, value, fmt::format("{}: {}", where, printable(key))));
  }
  return {};
}

// Files in the folder that are models, by the names that clients use: the paths without their endings.
Result<std::map<std::string, fs::path>> models_in(const std::string& folder) {
  std::map<std::string, fs::path> models;
  std::error_code problem;
  fs::recursive_directory_iterator at(folder, fs::directory_options::follow_directory_symlink, problem);
  if (problem)
    return Error(ErrorCode::kUsage,
                 fmt::format("--models-dir: {}: {}", printable(folder), problem.message()));
  for (; at != fs::recursive_directory_iterator(); at.increment(problem)) {
    if (at.depth() > 3) at.disable_recursion_pending();
    const fs::path& path = at->path();
    std::string name = path.lexically_relative(folder).replace_extension().string();
    if (path.extension() != ".gguf" || path.filename().string().starts_with("mmproj")) continue;
    // Of several parts the first is the model.
    if (const size_t of = name.rfind("-of-"); of != name.npos && of + 9 == name.size() && of >= 6) {
      if (name.compare(of - 6, 6, "-00001") != 0) continue;
      name.resize(of - 6);
    }
    models[name] = path;
  }
  return models;
}

int64_t file_bytes(const std::string& path) {
  std::error_code problem;
  const auto size = path.empty() ? uintmax_t{0} : fs::file_size(path, problem);
  return problem ? 0 : static_cast<int64_t>(size);
}

ServedModel served(const std::string& name, ServedModelFlags flags, const AdjustService& adjust) {
  ServedModel model;
  model.card.id = name;
  if (!flags.alias.empty()) {
    model.card.aliases = parts(flags.alias);
    model.card.id = model.card.aliases.front();
    model.card.aliases.erase(model.card.aliases.begin());
    if (name != model.card.id) model.card.aliases.push_back(name);
  }
  if (!flags.tags.empty()) model.card.tags = parts(flags.tags);
  model.card.path = flags.model.model;
  model.card.bytes = file_bytes(flags.model.model);
  model.bytes = model.card.bytes + kBesideFile;
  model.load = [flags = std::move(flags), name = model.card.id, adjust] {
    return load_served_model(flags, name, adjust);
  };
  return model;
}

// As it is called when nobody says; that its header can be read is seen at once.
Result<std::string> own_name(const ModelOptions& model) {
  const GgufFile file = GANNET_TRY(open_model_file(model.model));
  if (!model.model.empty()) return fs::path(model.model).filename().string();
  const GgufValue* name = file.find("general.name");
  return std::string(name == nullptr ? "pocket" : name->as_string().value_or("pocket"));
}

}  // namespace

Result<std::vector<ServedModel>> served_models(const ServedModelFlags& flags, const ModelListFlags& list,
                                               const AdjustService& adjust) {
  std::vector<ServedModel> models;
  std::map<std::string, fs::path> found;
  if (!list.folder.empty()) found = GANNET_TRY(models_in(list.folder));
  Preset preset = {{"*", {}}};
  if (!list.preset.empty()) preset = GANNET_TRY(read_preset(list.preset));
  const auto settings_of = [&](ServedModelFlags& one, const std::string& section) -> Result<void> {
    for (const auto& [name, settings] : preset)
      if (name == "*" || name == section)
        GANNET_TRY(apply(one, flags, fmt::format("--models-preset: [{}]", printable(name)), settings));
    return {};
  };
  if (!flags.model.model.empty() || (found.empty() && preset.size() == 1)) {
    if (!list.folder.empty() && flags.model.model.empty())
      return Error(ErrorCode::kUsage,
                   fmt::format("--models-dir: there is no .gguf file in {}", printable(list.folder)));
    ServedModelFlags one = flags;
    GANNET_TRY(settings_of(one, "*"));
    models.push_back(served(GANNET_TRY(own_name(one.model)), one, adjust));
  }
  ServedModelFlags common = flags;
  common.alias.clear();
  common.model.model.clear();
  for (const auto& [name, settings] : preset) {
    if (name == "*") continue;
    ServedModelFlags one = common;
    if (const auto file = found.find(name); file != found.end()) {
      one.model.model = file->second.string();
      found.erase(file);
    }
    GANNET_TRY(settings_of(one, name));
    if (one.model.model.empty())
      return Error(ErrorCode::kUsage,
                   fmt::format("--models-preset: [{}] has no line `model = FILE`, and there is no "
                               "file of that name in --models-dir",
                               printable(name)));
    models.push_back(served(name, one, adjust));
  }
  for (const auto& [name, path] : found) {
    ServedModelFlags one = common;
    GANNET_TRY(settings_of(one, "*"));
    one.model.model = path.string();
    models.push_back(served(name, one, adjust));
  }
  return models;
}

ModelPoolOptions pool_options(const ModelListFlags& list) {
  ModelPoolOptions options;
  options.most_loaded = static_cast<size_t>(list.most_loaded);
  options.most_bytes = list.most_mib > 0 ? list.most_mib << 20 : memory_room().limit / 10 * 9;
  options.idle_time = std::chrono::seconds(list.idle_seconds);
  options.say = [](const std::string& text) { say("{}", text); };
  return options;
}

void add_model_list_options(Options& options, ModelListFlags& f) {
  const Options own = {
      {.names = "--models-dir",
       .value = "DIR",
       .help = "Serve all .gguf files in this folder; requests name them, and they are loaded then",
       .target = &f.folder,
       .environment = "MODELS_DIR"},
      {.names = "--models-preset",
       .value = "FILE",
       .help = "Options of models: sections [NAME] or [*] with lines `option = value`",
       .target = &f.preset,
       .environment = "MODELS_PRESET"},
      {.names = "--models-max",
       .value = "N",
       .help = "So many models in memory at once; 0: as many as have room",
       .target = &f.most_loaded,
       .at_least = 0,
       .at_most = 1000,
       .environment = "MODELS_MAX"},
      {.names = "--models-memory",
       .value = "MIB",
       .help = "Memory for all models together; the one used longest ago makes room",
       .target = &f.most_mib,
       .at_least = 0,
       .at_most = 1 << 30,
       .shown_default = "nine tenths of the machine's"},
      {.names = "--sleep-idle-seconds",
       .value = "N",
       .help = "Unload a model that nobody has asked for so long; the next request loads it again; 0: never",
       .target = &f.idle_seconds,
       .at_least = 0,
       .at_most = 1 << 30,
       .environment = "SLEEP_IDLE_SECONDS"},
  };
  options.insert(options.end(), own.begin(), own.end());
}

}  // namespace gannet
