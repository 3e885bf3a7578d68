import GuestScopeBytes

/// A frame of a stack in a map of stack traces.
public enum StackFrame: Hashable, Sendable {
  /// Of the kernel or of a process: where the call returns to, or for the innermost where it is.
  case address(UInt64)
  /// In a file that a process has mapped: bytes from the file's start.
  case file(buildID: [UInt8], offset: UInt64)
}

extension MapEntry {
  /// The frames of a stack, the innermost first.
  ///
  /// - Parameter map: the one that the entry is of.
  /// - Returns: nil for a map of another type.
  public func frames(in map: MapHead) -> [StackFrame]? {
    guard map.typeName == "stack_trace", case .bytes(let bytes) = value else { return nil }
    return map.hasBuildIDs ? Self.filesOfFrames(bytes) : Self.addresses(bytes)
  }

  /// A value has zeros after the last frame.
  private static func addresses(_ bytes: [UInt8]) -> [StackFrame] {
    stride(from: 0, to: bytes.count, by: 8).lazy.map { bytes.u64(at: $0) ?? 0 }
      .prefix { $0 != 0 }.map { .address($0) }
  }

  /// `struct bpf_stack_build_id` of include/uapi/linux/bpf.h, which is part of the kernel's ABI.
  private static func filesOfFrames(_ bytes: [UInt8]) -> [StackFrame] {
    var frames: [StackFrame] = []
    for start in stride(from: 0, through: bytes.count - 32, by: 32) {
      let place = bytes.u64(at: start + 24) ?? 0
      switch bytes.u32(at: start) {
      // BPF_STACK_BUILD_ID_VALID, and BPF_STACK_BUILD_ID_IP where the file has no build-id.
      case 1:
        let buildID = Array(bytes[start + 4..<start + 24])
        frames.append(.file(buildID: buildID, offset: place))
      case 2: frames.append(.address(place))
      default: return frames
      }
    }
    return frames
  }
}

extension MapHead {
  /// BPF_F_STACK_BUILD_ID of include/uapi/linux/bpf.h.
  var hasBuildIDs: Bool { flags & 1 << 5 != 0 }
}
