#include "engine/device_figures.h"

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"

namespace gannet {
namespace {

// Of each device by its key an object: by weight type an object of seconds by kernel.
constexpr const char* kProducts = "products of many rows";

const nlohmann::json* member(const nlohmann::json* object, const std::string& name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto at = object->find(name);
  return at == object->end() ? nullptr : &*at;
}

nlohmann::json& made_object(nlohmann::json& object, const std::string& name) {
  nlohmann::json& value = object[name];
  if (!value.is_object()) value = nlohmann::json::object();
  return value;
}

}  // namespace

DeviceFigures::DeviceFigures(std::string path)
    : path_(std::move(path)), all_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {
  if (path_.empty()) return;
  std::ifstream in(path_);
  nlohmann::json read = nlohmann::json::parse(in, nullptr, false);
  if (read.is_object()) *all_ = std::move(read);
}

DeviceFigures::~DeviceFigures() = default;

std::optional<double> DeviceFigures::bytes_per_second(const std::string& key) const {
  const nlohmann::json* value = member(all_.get(), key);
  return value != nullptr && value->is_number() ? std::optional(value->get<double>()) : std::nullopt;
}

void DeviceFigures::set_bytes_per_second(const std::string& key, double value) {
  (*all_)[key] = value;
  save();
}

std::vector<KernelTime> DeviceFigures::product_times(const std::string& key, DType weights) const {
  const nlohmann::json* times =
      member(member(member(all_.get(), kProducts), key), std::string(dtype_info(weights).name));
  std::vector<KernelTime> all;
  if (times == nullptr || !times->is_object()) return all;
  for (const auto& [kernel, seconds] : times->items()) {
    if (!seconds.is_number() || seconds.get<double>() <= 0) return {};
    all.push_back({kernel, seconds.get<double>()});
  }
  return all;
}

void DeviceFigures::set_product_times(const std::string& key, DType weights,
                                      const std::vector<KernelTime>& times) {
  nlohmann::json& of_type =
      made_object(made_object(made_object(*all_, kProducts), key), std::string(dtype_info(weights).name));
  of_type = nlohmann::json::object();
  for (const KernelTime& time : times) of_type[time.kernel] = time.seconds;
  save();
}

void DeviceFigures::save() const {
  if (path_.empty()) return;
  std::error_code problem;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), problem);
  (void)write_file(path_, all_->dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::string device_figures_path(const std::string& folder) {
  return folder.empty() ? "" : folder + "/devices.json";
}

}  // namespace gannet
