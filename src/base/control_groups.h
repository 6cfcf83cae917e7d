// The control groups (cgroups, version 1 and 2) that a process is in, as containers and service managers use
// them to bound it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gannet {

struct ControlGroup {
  bool version2;
  std::string folder;  // where the files of the group are, with `root` in front
};

// The groups that bound this process for a controller ("memory", "cpu"), each before the one around it, up to
// the root that is visible here. `root` stands in front of /proc and /sys, for tests.
std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& root = "");

// How many processors' worth of time the groups around this process leave it, 1.5 for one and a half;
// infinity without a limit.
double cpu_quota(const std::string& root = "");

}  // namespace gannet
