extension KernelFacts {
  /// Reads a vmlinux (ELF), vmlinuz (bzImage, EFI zboot), arm64 Image or unified kernel image, also
  /// one that is compressed as a whole.
  public init(path: String) throws(KernelImageError) {
    do {
      try self.init(file: OpenFile(path: path), name: path)
    } catch {
      throw KernelImageError(name: path, reason: error)
    }
  }

  /// Reads the bytes of such a file; `name` is what errors call it.
  public init(bytes: [UInt8], name: String) throws(KernelImageError) {
    do {
      try self.init(wrapped: bytes, name: name)
    } catch {
      throw KernelImageError(name: name, reason: error)
    }
  }

  private init(file: OpenFile, name: String) throws(KernelImageError.Reason) {
    let magic = try file.read(0..<min(ELFFile.magic.count, file.size))
    if magic == ELFFile.magic {
      try self.init(ELFFile(.disk(file)), Origin(name: name, kind: .vmlinux))
    } else {
      let limit = KernelContainer.maxSize
      guard file.size <= limit else { throw .tooBig(limit: limit) }
      try self.init(wrapped: file.read(0..<file.size), name: name)
    }
  }

  private init(wrapped file: [UInt8], name: String) throws(KernelImageError.Reason) {
    let kind: Origin.Kind =
      file.starts(with: ELFFile.magic)
      ? .vmlinux : KernelContainer.isImage(file) ? .image : .vmlinuz
    let origin = Origin(name: name, kind: kind)
    switch try KernelContainer(file) {
    case .elf(let bytes): try self.init(ELFFile(bytes), origin)
    case .image(let bytes): self.init(arm64Image: bytes, origin)
    }
  }
}
