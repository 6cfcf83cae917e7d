// linear on the CPU: the products of several weight matrices. The arithmetic is in backend/cpu/linear.
#include "backend/cpu/linear/products.h"

namespace gannet::GANNET_ISA_NS {
namespace {

constexpr int kFirstWeight = 3;

Products products(const OpSite& site) {
  return Products(site, kFirstWeight, site.n_operands, site.operands[1].shape.rank != 0);
}

const char* refuses(const OpSite& site) {
  return site.n_operands - kFirstWeight > kMostProducts ? "more than 16 weights" : nullptr;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return products(site).workspace(n_threads);
}

int barriers(const OpSite& site, int n_threads) {
  return products(site).barriers(n_threads);
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &x = args.operands[0], &q = args.operands[1], &residual = args.operands[2];
  Products(args, kFirstWeight, args.n_operands, q.data != nullptr)
      .run(x, q, residual, args.results[0], args.rows, args.workspace, worker);
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(linear, {.op = "linear",
                        .name = GANNET_ISA_NAME,
                        .isa = GANNET_ISA_ENUM,
                        .priority = 1,
                        .refuses = GANNET_ISA_NS::refuses,
                        .workspace = GANNET_ISA_NS::workspace,
                        .run = GANNET_ISA_NS::run,
                        .barriers = GANNET_ISA_NS::barriers})
