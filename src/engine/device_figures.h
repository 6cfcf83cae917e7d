// What was measured of devices, in a small file (devices.json beside the profiles). A figure counts for the
// hardware and driver that its key names; what cannot be read counts for nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tensor/dtype.h"

namespace gannet {

// How long the same product takes with one kernel.
struct KernelTime {
  std::string kernel;
  double seconds = 0;
  bool operator==(const KernelTime&) const = default;
};

class DeviceFigures {
 public:
  explicit DeviceFigures(std::string path);  // empty: nothing is kept
  ~DeviceFigures();

  // Bytes of weights per second (device_probe.h).
  std::optional<double> bytes_per_second(const std::string& key) const;
  void set_bytes_per_second(const std::string& key, double value);

  // Products of many rows with weights of a type (prompt_kernels.h). Empty: not measured.
  std::vector<KernelTime> product_times(const std::string& key, DType weights) const;
  void set_product_times(const std::string& key, DType weights, const std::vector<KernelTime>& times);

 private:
  void save() const;  // what cannot be written is measured again

  const std::string path_;
  std::unique_ptr<nlohmann::json> all_;
};

// The file in a folder; empty: none.
std::string device_figures_path(const std::string& folder);

}  // namespace gannet
