#include "backend/vulkan/vulkan_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/core.h>

namespace gannet {
namespace {

// Pieces up to the first size share blocks of the second.
constexpr int64_t kSmall = int64_t{1} << 20, kBlock = int64_t{16} << 20;
constexpr int64_t kAlign = 64;

constexpr VkBufferUsageFlags kUsage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                      VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

int64_t round_up(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}

}  // namespace

VulkanMemory::VulkanMemory(VkPhysicalDevice physical, VkDevice device, const VulkanFacts& facts, bool guarded)
    : physical_(physical), device_(device), facts_(facts), guarded_(guarded) {
  vkGetPhysicalDeviceMemoryProperties(physical_, &properties_);
  for (const VulkanHeap& heap : facts_.heaps)
    if (heap.device_local) limit_ = std::max(limit_, heap.budget > 0 ? heap.budget : heap.bytes);
}

VulkanMemory::~VulkanMemory() {
  for (auto& [address, block] : blocks_) drop(block);
}

// The host's view must be coherent, so that nothing has to be flushed.
int VulkanMemory::memory_type(uint32_t allowed, BufferUse use) const {
  constexpr VkMemoryPropertyFlags kSeen = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                          VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                  kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                  kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  std::vector<VkMemoryPropertyFlags> wishes;
  switch (use) {
    case BufferUse::kDevice:
      wishes = facts_.unified
                   ? std::vector<VkMemoryPropertyFlags>{kLocal | kSeen | kCached, kLocal | kSeen, kLocal, 0}
                   : std::vector<VkMemoryPropertyFlags>{kLocal, 0};
      break;
    case BufferUse::kUpload:
      wishes = {kLocal | kSeen, kSeen};
      break;
    case BufferUse::kReadback:
      wishes = {kSeen | kCached, kSeen};
      break;
  }
  for (const VkMemoryPropertyFlags wish : wishes)
    for (uint32_t i = 0; i < properties_.memoryTypeCount; ++i)
      if ((allowed >> i & 1) != 0 && (properties_.memoryTypes[i].propertyFlags & wish) == wish)
        return static_cast<int>(i);
  return -1;
}

// Memory is bound: the address, and the host's view of it.
VkResult VulkanMemory::bind(Block& block, uint64_t& address) {
  if (const VkResult r = vkBindBufferMemory(device_, block.buffer, block.memory, 0); r != VK_SUCCESS)
    return r;
  VkBufferDeviceAddressInfo info{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, block.buffer};
  address = vkGetBufferDeviceAddress(device_, &info);
  return address == 0 ? VK_ERROR_INITIALIZATION_FAILED : VK_SUCCESS;
}

VkResult VulkanMemory::make_block(int64_t bytes, BufferUse use, Block& block) {
  block.bytes = bytes;
  block.use = use;
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, nullptr};
  info.size = static_cast<VkDeviceSize>(bytes);
  info.usage = kUsage;
  if (const VkResult r = vkCreateBuffer(device_, &info, nullptr, &block.buffer); r != VK_SUCCESS) return r;
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device_, block.buffer, &needs);
  const int type = memory_type(needs.memoryTypeBits, use);
  if (type < 0) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  VkMemoryAllocateFlagsInfo flags{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, nullptr,
                                  VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT, 0};
  VkMemoryAllocateInfo memory{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &flags, needs.size,
                              static_cast<uint32_t>(type)};
  if (const VkResult r = vkAllocateMemory(device_, &memory, nullptr, &block.memory); r != VK_SUCCESS)
    return r;
  // A discrete device may show a part of its memory, which is slow to reach.
  if ((use == BufferUse::kDevice && !facts_.unified) ||
      (properties_.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0 ||
      (properties_.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0)
    return VK_SUCCESS;
  void* host = nullptr;
  const VkResult r = vkMapMemory(device_, block.memory, 0, VK_WHOLE_SIZE, 0, &host);
  block.host = static_cast<std::byte*>(host);
  return r;
}

void VulkanMemory::drop(Block& block) {
  if (block.buffer != VK_NULL_HANDLE) vkDestroyBuffer(device_, block.buffer, nullptr);
  if (block.memory != VK_NULL_HANDLE) vkFreeMemory(device_, block.memory, nullptr);
  if (!block.mapped.empty()) munmap(block.mapped.data(), block.mapped.size());
  block = {};
}

// First fit; null: there is none.
std::byte* VulkanMemory::take(Block& block, uint64_t base, int64_t bytes) {
  for (auto it = block.free.begin(); it != block.free.end(); ++it) {
    const auto [offset, room] = *it;
    if (room < bytes) continue;
    block.free.erase(it);
    if (room > bytes) block.free.emplace(offset + bytes, room - bytes);
    taken_.emplace(base + static_cast<uint64_t>(offset), bytes);
    return reinterpret_cast<std::byte*>(base + static_cast<uint64_t>(offset));
  }
  return nullptr;
}

std::byte* VulkanMemory::allocate(int64_t bytes, BufferUse use) {
  bytes = round_up(bytes, kAlign);
  if (facts_.most_allocation > 0 && bytes > facts_.most_allocation) return nullptr;
  if (guarded_) return allocate_guarded(bytes, use);
  const std::lock_guard lock(mutex_);
  if (bytes <= kSmall)
    for (auto& [base, block] : blocks_)
      if (block.use == use && !block.imported && block.bytes == kBlock)
        if (std::byte* piece = take(block, base, bytes)) return piece;
  Block block;
  uint64_t base = 0;
  const int64_t block_bytes = bytes <= kSmall ? kBlock : bytes;
  VkResult result = make_block(block_bytes, use, block);
  if (result == VK_SUCCESS) result = bind(block, base);
  if (result != VK_SUCCESS) {
    drop(block);
    return nullptr;
  }
  block.free.emplace(0, block_bytes);
  return take(blocks_.emplace(base, std::move(block)).first->second, base, bytes);
}

void VulkanMemory::free(std::byte* at) {
  const auto address = reinterpret_cast<uint64_t>(at);
  const std::lock_guard lock(mutex_);
  const auto piece = taken_.find(address);
  GANNET_CHECK(piece != taken_.end(), "no such piece of device memory");
  const auto found = std::prev(blocks_.upper_bound(address));
  Block& block = found->second;
  auto offset = static_cast<int64_t>(address - found->first);
  int64_t bytes = piece->second;
  taken_.erase(piece);
  // Joined with what is free on either side.
  auto next = block.free.lower_bound(offset);
  if (next != block.free.end() && next->first == offset + bytes) {
    bytes += next->second;
    next = block.free.erase(next);
  }
  if (next != block.free.begin() && std::prev(next)->first + std::prev(next)->second == offset) {
    const auto before = std::prev(next);
    offset = before->first;
    bytes += before->second;
    block.free.erase(before);
  }
  block.free.emplace(offset, bytes);
  if (block.imported || bytes == block.bytes) {
    drop(block);
    blocks_.erase(found);
  }
}

// The bytes of the block, from an address that the device can take; block.bytes is a multiple of what it asks
// for.
VkResult VulkanMemory::import_block(std::byte* from, Block& block, uint64_t& address) {
  block.imported = true;
  VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, nullptr,
                                            VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT};
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, &external};
  info.size = static_cast<VkDeviceSize>(block.bytes);
  info.usage = kUsage;
  if (const VkResult r = vkCreateBuffer(device_, &info, nullptr, &block.buffer); r != VK_SUCCESS) return r;
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device_, block.buffer, &needs);
  VkMemoryHostPointerPropertiesEXT host{VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT, nullptr, 0};
  const VkResult r = vkGetMemoryHostPointerPropertiesEXT(
      device_, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, from, &host);
  if (r != VK_SUCCESS) return r;
  const int type = memory_type(needs.memoryTypeBits & host.memoryTypeBits, BufferUse::kReadback);
  if (type < 0) return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  VkMemoryAllocateFlagsInfo flags{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, nullptr,
                                  VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT, 0};
  VkImportMemoryHostPointerInfoEXT import{VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT, &flags,
                                          VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, from};
  VkMemoryAllocateInfo memory{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &import,
                              static_cast<VkDeviceSize>(block.bytes), static_cast<uint32_t>(type)};
  if (const VkResult a = vkAllocateMemory(device_, &memory, nullptr, &block.memory); a != VK_SUCCESS)
    return a;
  return bind(block, address);
}

std::byte* VulkanMemory::allocate_guarded(int64_t bytes, BufferUse use) {
  const int64_t page = std::max<int64_t>(sysconf(_SC_PAGESIZE), facts_.host_import_align);
  Block block;
  block.use = use;
  block.bytes = round_up(bytes, page);
  block.skipped = block.bytes - bytes;
  const auto whole = static_cast<size_t>(block.bytes + 2 * page);
  void* memory = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  block.mapped = {static_cast<std::byte*>(memory), whole};
  std::byte* const from = block.mapped.data() + page;
  uint64_t base = 0;
  if (mprotect(from, static_cast<size_t>(block.bytes), PROT_READ | PROT_WRITE) != 0 ||
      import_block(from, block, base) != VK_SUCCESS) {
    drop(block);
    return nullptr;
  }
  if (use != BufferUse::kDevice || facts_.unified) block.host = from;
  const std::lock_guard lock(mutex_);
  const uint64_t address = base + static_cast<uint64_t>(block.skipped);
  taken_.emplace(address, bytes);
  blocks_.emplace(base, std::move(block));
  return reinterpret_cast<std::byte*>(address);
}

Result<std::byte*> VulkanMemory::import(std::span<const std::byte> bytes) {
  if (!facts_.host_import || !facts_.unified)
    return Error(ErrorCode::kDevice, "the device does not use memory of the host where it lies");
  const int64_t align = std::max<int64_t>(facts_.host_import_align, 1);
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  Block block;
  block.skipped = static_cast<int64_t>(begin % static_cast<uintptr_t>(align));
  block.bytes = round_up(static_cast<int64_t>(bytes.size()) + block.skipped, align);
  if (facts_.most_allocation > 0 && block.bytes > facts_.most_allocation)
    return Error(ErrorCode::kDevice, "the device does not take this memory of the host");
  block.host = reinterpret_cast<std::byte*>(begin - static_cast<uintptr_t>(block.skipped));
  uint64_t base = 0;
  if (const VkResult result = import_block(block.host, block, base); result != VK_SUCCESS) {
    drop(block);
    return Error(ErrorCode::kDevice, fmt::format("the device does not take this memory of the host ({})",
                                                 vulkan_result_name(result)));
  }
  const std::lock_guard lock(mutex_);
  const uint64_t address = base + static_cast<uint64_t>(block.skipped);
  taken_.emplace(address, static_cast<int64_t>(bytes.size()));
  blocks_.emplace(base, std::move(block));
  return reinterpret_cast<std::byte*>(address);
}

VulkanPlace VulkanMemory::find(const std::byte* at) const {
  const auto address = reinterpret_cast<uint64_t>(at);
  const std::lock_guard lock(mutex_);
  auto found = blocks_.upper_bound(address);
  GANNET_CHECK(found != blocks_.begin(), "an address of no buffer");
  --found;
  const Block& block = found->second;
  const uint64_t offset = address - found->first;
  GANNET_CHECK(offset <= static_cast<uint64_t>(block.bytes), "an address of no buffer");
  return {block.buffer, offset, block.host == nullptr ? nullptr : block.host + offset};
}

}  // namespace gannet
