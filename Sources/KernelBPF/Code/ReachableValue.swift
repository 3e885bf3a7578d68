import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension KernelObject<BPFMapStruct> {
  /// Where the only value of a map is whose values instructions can reach: of an array of one
  /// element (`array_map_direct_value_meta()` of kernel/bpf/arraymap.c), and since 7.0 of such a
  /// per-CPU array, whose instructions have a per-CPU pointer. Nil for any other map.
  func reachableValue() throws(ReadFault) -> Range<UInt64>? {
    let type = kernel.mapTypes[self.mapType]
    guard self.maxEntries == 1, type == "array" || type == "percpu_array" else { return nil }
    let array = try container(\BPFArrayContents.map)
    guard var start = array.address(of: \.value) else { return nil }
    if type == "percpu_array" { start = try view.pointer(at: start) }
    let (end, isBeyond) = start.rawValue.addingReportingOverflow(UInt64(array.elemSize))
    return isBeyond ? nil : start.rawValue..<end
  }
}
