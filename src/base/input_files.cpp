#include "base/input_files.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace gannet {
namespace {

using FileId = std::pair<dev_t, ino_t>;

struct Inputs {
  std::mutex mutex;
  std::multimap<FileId, std::string> paths;  // guarded by mutex
};

// Never destroyed: marks may outlive what static destructors take away.
Inputs& inputs() {
  static auto* all = new Inputs;
  return *all;
}

}  // namespace

InputMark::InputMark(int descriptor, const std::string& path) {
  struct stat info = {};
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return;
  std::lock_guard lock(inputs().mutex);
  const auto entry = inputs().paths.emplace(FileId(info.st_dev, info.st_ino), path);
  entry_ = std::shared_ptr<void>(nullptr, [entry](void*) {
    std::lock_guard guard(inputs().mutex);
    inputs().paths.erase(entry);
  });
}

void remember_input(int descriptor, const std::string& path) {
  static auto* kept = new std::vector<InputMark>;
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  kept->emplace_back(descriptor, path);
}

std::string input_path(const struct stat& file) {
  std::lock_guard lock(inputs().mutex);
  const auto found = inputs().paths.find({file.st_dev, file.st_ino});
  return found == inputs().paths.end() ? "" : found->second;
}

}  // namespace gannet
