#pragma once
#include <iostream>
#include <iterator>
#include <string>
#include "base/mapped_file.h"
#include "base/result.h"
namespace gannet {
inline Result<std::string> read_prompt_file(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  const MappedFile file = GANNET_TRY(MappedFile::open(path));
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}
}  // namespace gannet
