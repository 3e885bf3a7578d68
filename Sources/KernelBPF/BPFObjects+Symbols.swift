import GuestScopeKernelImage
import GuestScopeLinuxKernel

extension BPFObjects {
  /// What to add to the facts of a kernel whose kallsyms may have functions only: the tables of ids
  /// of kernel/bpf/syscall.c and btf.c, and the clock that programs' load times need.
  public static let symbolRecipes = [
    IDR.recipe(
      BPFProgStruct.table.symbol,
      functions: ["bpf_prog_get_curr_or_next", "bpf_prog_by_id", "bpf_prog_free_id"]),
    IDR.recipe(
      BPFMapStruct.table.symbol, functions: ["bpf_map_get_curr_or_next", "bpf_map_free_id"]),
    IDR.recipe(
      BPFLinkStruct.table.symbol,
      functions: [
        "bpf_link_by_id", "bpf_link_get_curr_or_next", "bpf_link_prime", "bpf_link_free",
        "bpf_link_cleanup", "bpf_link_get_fd_by_id",
      ]),
    IDR.recipe(
      BTFStruct.table.symbol, type: "D",
      functions: [
        "btf_get_fd_by_id", "bpf_find_btf_id", "btf_alloc_id", "btf_free_id", "btf_put",
        "btf_parse_module",
      ]),
    BootTime.symbolRecipe,
  ]
}
