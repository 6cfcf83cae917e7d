// What states of automata allow, whatever lies below them: kept for all grammars of a vocabulary, by what the
// state reads. Strings, numbers and white space of JSON look alike in all schemas.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/vocabulary.h"

namespace gannet {

struct LocalMask {
  std::vector<TokenId> few;     // the tokens, if they are few;
  std::vector<uint64_t> many;   // else their bits
  std::vector<uint32_t> exits;  // nodes of the trie where the rule ends and tokens go on

  size_t bytes_used() const {
    return sizeof(LocalMask) + few.size() * sizeof(TokenId) + many.size() * sizeof(uint64_t) +
           exits.size() * sizeof(uint32_t);
  }
};

// Any thread.
class MaskCache {
 public:
  using Value = std::shared_ptr<const LocalMask>;

  Value find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto it = values_.find(key);
    return it == values_.end() ? nullptr : it->second;
  }
  void add(const std::string& key, const Value& value) {
    const std::lock_guard lock(mutex_);
    if (bytes_ > kMostBytes) {
      values_.clear();
      bytes_ = 0;
    }
    if (values_.emplace(key, value).second) bytes_ += key.size() + value->bytes_used();
  }

 private:
  static constexpr size_t kMostBytes = size_t{16} << 20;
  std::mutex mutex_;
  std::unordered_map<std::string, Value> values_;
  size_t bytes_ = 0;
};

}  // namespace gannet
