/** What must be remembered to go on with an upload after the page is gone. Never the file itself. */
export interface Unfinished {
  uploadUrl: string;
  clipId: string;
  name: string;
  size: number;
  lastModified: number;
  /** Chromium keeps the file's handle; elsewhere the creator chooses the file again. */
  handle?: FileHandle;
}

/** The part of the File System Access API this page uses; TypeScript's own declarations lack the permission calls. */
export interface FileHandle {
  getFile(): Promise<File>;
  requestPermission?(options: { mode: "read" }): Promise<PermissionState>;
}

const NAME = "estrade";
const STORE = "unfinished";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "uploadUrl" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("storage refused"));
  });
}

async function within<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("storage refused"));
    });
  } finally {
    database.close();
  }
}

export const rememberUpload = (upload: Unfinished): Promise<unknown> => within("readwrite", (store) => store.put(upload));
export const forgetUpload = (uploadUrl: string): Promise<unknown> => within("readwrite", (store) => store.delete(uploadUrl));
export const listUnfinished = (): Promise<Unfinished[]> => within("readonly", (store) => store.getAll() as IDBRequest<Unfinished[]>);

/** Whether `file` is the one the upload began with, as far as a browser can tell. */
export function isSameFile(upload: Pick<Unfinished, "name" | "size" | "lastModified">, file: Pick<File, "name" | "size" | "lastModified">): boolean {
  return upload.name === file.name && upload.size === file.size && upload.lastModified === file.lastModified;
}
