// "Did you mean": the known command or option closest to a mistyped word.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace gannet {

// Empty, or "; did you mean --threads?" for the first argument that is no known word but close to one.
std::string nearest_hint(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace gannet
