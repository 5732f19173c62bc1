/* A CUDA driver for one process: the calls that d2l_mlp.hardware.devices makes, with the signatures of
   cuda.h and the answers of the environment, so that no GPU is needed. It includes no header, so
   that building it takes a compiler and nothing else. */

char *getenv(const char *name);
int atoi(const char *text);

static int number(const char *name)
{
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

int cuInit(unsigned flags) { return flags ? 1 : number("FAKE_INIT"); }

int cuDeviceGetCount(int *count)
{
    *count = number("FAKE_COUNT");
    return number("FAKE_GET_COUNT");
}

int cuDeviceGet(int *device, int ordinal)
{
    *device = 100 + ordinal; /* a handle is not the ordinal */
    return ordinal < 0 || ordinal >= number("FAKE_COUNT") ? 101 : number("FAKE_GET");
}

/* Only the last of the GPUs has the capability that is asked for; the others are of 5.0. */
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    int last = device == 99 + number("FAKE_COUNT");
    switch (attribute) {
    case 75:
        *value = last ? number("FAKE_MAJOR") : 5;
        return number("FAKE_GET_MAJOR");
    case 76:
        *value = last ? number("FAKE_MINOR") : 0;
        return number("FAKE_GET_MINOR");
    default:
        return 1;
    }
}
