#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CSextant.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

void sx_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
#endif
}

// Whether the loader has written into the object's read-only segments; the file does not have what is in them then.
static bool has_text_relocations(const struct dl_phdr_info *object) {
    for (int i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
        const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            if (entry->d_tag == DT_TEXTREL) return true;
            if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
        }
    }
    return false;
}

static int release_object(struct dl_phdr_info *object, size_t size, void *page_size) {
    (void)size;
    const uintptr_t mask = ~(*(const uintptr_t *)page_size - 1);
    if (has_text_relocations(object)) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
        const uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & mask;
        const uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz + ~mask) & mask;
        // It may fail for what is no file, such as the kernel's own page; nothing is lost then.
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void sx_release_freed_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void sx_release_unused_memory(void) {
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(release_object, &page_size);
    sx_release_freed_memory();
}
