import GuestScopeBytes
import GuestScopeKernelImage

extension KernelLog {
  /// What to add to the facts of a kernel whose kallsyms may have functions only: `prb` of
  /// kernel/printk/printk.c, the pointer to the ring buffer, and `tainted_mask`.
  public static let symbolRecipes = [
    SymbolRecipe(
      "prb", type: "d",
      functions: [
        "devkmsg_read", "devkmsg_poll", "devkmsg_llseek", "kmsg_dump_get_line", "devkmsg_open",
      ],
      least: 4
    ) { address, image, _ in
      // Each of the functions names other variables, too, but none of them is in so many.
      address.isMultiple(of: 8) && image.bytes(at: address, count: 8) != nil
    },
    Taint.symbolRecipe,
  ]
}
