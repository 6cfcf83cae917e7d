// A number that tells models apart by what is in them, whatever their files are called.
#pragma once

#include <string>

#include "engine/model.h"

namespace gannet {

// 16 hexadecimal digits, of names, types, shapes and a few bytes of all tensors. Not for security. Reads some
// bytes of each tensor, so it takes as long as so many pages take to come in.
std::string fingerprint(const Model& model);

}  // namespace gannet
