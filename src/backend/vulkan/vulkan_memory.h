// Memory of a Vulkan device: buffers with addresses, in blocks from which small ones get pieces. An address
// says which block it lies in, so copies need no more than addresses.
#pragma once

#include <map>
#include <mutex>

#include "backend/api/device.h"
#include "backend/vulkan/vulkan_handles.h"

namespace gannet {

// Where an address lies.
struct VulkanPlace {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceSize offset = 0;
  std::byte* host = nullptr;  // the same memory for the host; null: it does not see it
};

// Thread-safe. Freed memory must not be in use any more.
class VulkanMemory {
 public:
  VulkanMemory(VkPhysicalDevice physical, VkDevice device, const VulkanFacts& facts, bool guarded = false);
  ~VulkanMemory();

  // Begins at a multiple of 64 bytes; what is in it is anything. Null address: no memory.
  std::byte* allocate(int64_t bytes, BufferUse use);
  void free(std::byte* address);
  // Memory of the host, used where it lies until free(). Errors: kDevice.
  Result<std::byte*> import(std::span<const std::byte> bytes);
  // Of an address that allocate() or import() gave, or of one inside of such a piece.
  VulkanPlace find(const std::byte* address) const;
  int64_t limit() const { return limit_; }  // bytes of all memory that allocate() takes from; 0: not known

 private:
  struct Block {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    std::byte* host = nullptr;
    int64_t bytes = 0;
    BufferUse use = BufferUse::kDevice;
    bool imported = false;
    std::span<std::byte> mapped;      // guarded: with the pages around
    std::map<int64_t, int64_t> free;  // offset: bytes
    int64_t skipped = 0;              // imported: bytes in front of the piece
  };
  VkResult make_block(int64_t bytes, BufferUse use, Block& block);
  VkResult bind(Block& block, uint64_t& address);
  VkResult import_block(std::byte* from, Block& block, uint64_t& address);
  std::byte* allocate_guarded(int64_t bytes, BufferUse use);
  void drop(Block& block);
  int memory_type(uint32_t allowed, BufferUse use) const;
  std::byte* take(Block& block, uint64_t base, int64_t bytes);

  const VkPhysicalDevice physical_;
  const VkDevice device_;
  const VulkanFacts facts_;
  const bool guarded_;
  VkPhysicalDeviceMemoryProperties properties_{};
  int64_t limit_ = 0;
  mutable std::mutex mutex_;           // of what follows
  std::map<uint64_t, Block> blocks_;   // by address
  std::map<uint64_t, int64_t> taken_;  // pieces: bytes
};

}  // namespace gannet
