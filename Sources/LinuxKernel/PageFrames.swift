import GuestScopeGuestMemory

extension Walk {
  /// Where the page is that a `struct page` stands for (`page_to_phys()`); nil for a kernel that does
  /// not say where its array of them is.
  public func physicalAddress(
    ofPage page: KernelVirtualAddress
  ) throws(ReadFault) -> PhysicalAddress? {
    guard let array = try vmemmap() else { return nil }
    let size = UInt64(try size(ofStruct: "page"))
    let number = (page.rawValue &- array) / max(size, 1)
    return PhysicalAddress(number &* UInt64(kernel.pageSize))
  }

  /// The address that the `struct page` of physical address 0 has, or would have. It never changes.
  private func vmemmap() throws(ReadFault) -> UInt64? {
    let key = ObjectKey("vmemmap", id: 0, at: KernelVirtualAddress(0))
    return try view.constant(key) { () throws(ReadFault) -> UInt64? in
      // x86-64, in whichever place KASLR has put it.
      if let base = kernel.symbols.address(of: "vmemmap_base") {
        return try view.u64(at: KernelVirtualAddress(base))
      }
      // arm64, where the array begins with the page at PHYS_OFFSET.
      guard let text = try vmcoreinfo()?["NUMBER(VMEMMAP_START)"], text.hasPrefix("0x"),
        let start = UInt64(text.dropFirst(2), radix: 16),
        let first = kernel.variables["memstart_addr"]
      else { return nil }
      let size = UInt64(try size(ofStruct: "page"))
      let shift = UInt64(kernel.pageSize.trailingZeroBitCount)
      // "Negative" where the kernel links its memory above the first RAM.
      return start &- UInt64(bitPattern: Int64(bitPattern: first) >> Int64(shift)) &* size
    }
  }
}
